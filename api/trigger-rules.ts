/** What a Trigger's values must mean, beyond their types. */
import {
  between,
  dnsLabel,
  doesNotMatch,
  durationBetween,
  exactlyOne,
  matches,
  metadataNameRule,
  rule,
  type Rule,
} from './rule.ts'
import { RESERVED_TOPIC_PATTERN, TOPIC_NAME } from './topic.ts'
import type { FilterPattern } from './trigger-events.ts'

const DNS_LABEL = '[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?'
const HEADER_NAME = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"

const corsRules: Rule[] = [
  rule<{ allowCredentials: boolean; allowOrigins: string[] }>(
    {
      path: 'spec.http.cors',
      message: 'allowCredentials needs origins that are named one by one: allowOrigins must not contain *',
    },
    "!self.allowCredentials || !('*' in self.allowOrigins)",
    (cors) => !cors.allowCredentials || !cors.allowOrigins.includes('*'),
  ),
  matches(
    {
      path: 'spec.http.cors.allowOrigins[]',
      message: 'origins must be * or scheme://host[:port] in lower case, without a path',
    },
    '^(\\*|[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\\[[0-9a-f:]+\\])(:[0-9]{1,5})?)$',
  ),
  matches({ path: 'spec.http.cors.allowHeaders[]', message: 'allowHeaders must be header names' }, HEADER_NAME),
  matches({ path: 'spec.http.cors.exposeHeaders[]', message: 'exposeHeaders must be header names' }, HEADER_NAME),
  between({ path: 'spec.http.cors.maxAgeSeconds', message: 'maxAgeSeconds must be between 0 and 86400' }, 0, 86_400),
]

/** RFC 3339 in capitals and without leap seconds, from 1970 on: every text that fits is a time, to `Date.parse`, too. */
const LEAP_YEAR = '(19(7[26]|8[048]|9[26])|[2-9][0-9](0[48]|[2468][048]|[13579][26])|([2468][048]|[3579][26])00)'
const DATE = [
  '(19[7-9][0-9]|[2-9][0-9]{3})-((0[13578]|1[02])-31|(0[13-9]|1[0-2])-(29|30)|(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8]))',
  `${LEAP_YEAR}-02-29`,
].join('|')
const TIME = '([01][0-9]|2[0-3]):[0-5][0-9]'
const TIMESTAMP = `^(${DATE})T${TIME}:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]${TIME})$`

const PATTERNS = ['exact', 'prefix', 'suffix', 'anythingBut', 'numeric'] as const
const BOUNDS = ['gt', 'gte', 'lt', 'lte', 'eq'] as const

type FilterManifest = Record<string, FilterPattern>

/** A rule about every pattern of a filter, which is called `it`. */
function everyPattern(message: string, cel: string, check: (pattern: FilterPattern) => boolean): Rule {
  return rule<FilterManifest>(
    { path: 'spec.kafka.filters[]', message },
    `self.map(name, self[name]).all(it, ${cel})`,
    (filter) => Object.values(filter).every(check),
  )
}

/** The attribute of a CloudEvent, key and topic look alike. */
const FILTER_NAME = '^([a-z0-9]{1,64}|data(\\.[^.]+)+)$'
const filterName = new RegExp(FILTER_NAME)

const kafkaRules: Rule[] = [
  rule<string[]>(
    { path: 'spec.kafka.topics', message: 'topics must name at least one topic' },
    'size(self) > 0',
    (topics) => topics.length > 0,
  ),
  matches(
    {
      path: 'spec.kafka.topics[]',
      message: 'topics must be 1 to 249 letters, digits, dots, underscores or hyphens, and not dots alone',
    },
    TOPIC_NAME,
  ),
  doesNotMatch(
    {
      path: 'spec.kafka.topics[]',
      message: 'topics that begin with dormouse., dormouse_ or __ belong to the platform and to Kafka',
    },
    RESERVED_TOPIC_PATTERN,
  ),
  everyPattern(
    `every pattern must have exactly one of ${PATTERNS.join(', ')}`,
    `[${PATTERNS.map((name) => `has(it.${name})`).join(', ')}].filter(isSet, isSet).size() == 1`,
    (pattern) => PATTERNS.filter((name) => pattern[name] !== undefined).length === 1,
  ),
  everyPattern(
    'anythingBut must name at least one value',
    '!has(it.anythingBut) || size(it.anythingBut) > 0',
    ({ anythingBut }) => anythingBut === undefined || anythingBut.length > 0,
  ),
  everyPattern(
    `numeric must have at least one of ${BOUNDS.join(', ')}`,
    `!has(it.numeric) || ${BOUNDS.map((name) => `has(it.numeric.${name})`).join(' || ')}`,
    ({ numeric }) => numeric === undefined || BOUNDS.some((name) => numeric[name] !== undefined),
  ),
  rule<FilterManifest>(
    { path: 'spec.kafka.filters[]', message: 'a filter must have at least one pattern' },
    'size(self) > 0',
    (filter) => Object.keys(filter).length > 0,
  ),
  rule<FilterManifest>(
    {
      path: 'spec.kafka.filters[]',
      message:
        'filters name attributes of the CloudEvent (lower-case letters and digits, without ce_), key, topic, or data.<path>',
    },
    `self.all(name, size(name) <= 255 && name.matches(r"${FILTER_NAME}"))`,
    (filter) => Object.keys(filter).every((name) => name.length <= 255 && filterName.test(name)),
  ),
  rule<{ startFrom: string; startTimestamp?: string }>(
    { path: 'spec.kafka', message: 'startTimestamp must be set exactly when startFrom is timestamp' },
    "(self.startFrom == 'timestamp') == has(self.startTimestamp)",
    ({ startFrom, startTimestamp }) => (startFrom === 'timestamp') === (startTimestamp !== undefined),
  ),
  matches(
    {
      path: 'spec.kafka.startTimestamp',
      message: 'startTimestamp must be a time from 1970 on as RFC 3339 writes it, such as 2026-01-31T12:00:00Z',
    },
    TIMESTAMP,
  ),
  between({ path: 'spec.kafka.batch.size', message: 'batch.size must be between 1 and 10000' }, 1, 10_000),
  durationBetween({ path: 'spec.kafka.batch.window', message: 'batch.window must be between 0s and 5m' }, '0s', '5m'),
]

const cronRules: Rule[] = [
  matches(
    {
      path: 'spec.cron.schedule',
      message:
        'schedule must have five fields: minute, hour, day of month, month, day of week; or be @hourly, @daily, @weekly, @monthly or @yearly',
    },
    '^([0-9*/,-]+( +[0-9A-Za-z*/,?#-]+){4}|@(hourly|daily|midnight|weekly|monthly|yearly|annually))$',
  ),
  matches(
    { path: 'spec.cron.timezone', message: 'timezone must be a name such as UTC or Europe/Berlin' },
    '^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$',
  ),
  durationBetween(
    { path: 'spec.cron.startingDeadline', message: 'startingDeadline must be a duration of at least 10s' },
    '10s',
  ),
]

const retryRules: Rule[] = [
  rule<{ http?: unknown; retry?: unknown; deadLetter?: unknown }>(
    { path: 'spec', message: 'retry and deadLetter are for kafka and cron: an HTTP caller gets its answer at once' },
    '!has(self.http) || (!has(self.retry) && !has(self.deadLetter))',
    ({ http, retry, deadLetter }) => http === undefined || (retry === undefined && deadLetter === undefined),
  ),
  rule<{ kafka?: { ordering: string }; retry?: { onExhausted: string } }>(
    { path: 'spec', message: 'onExhausted block needs ordering key or partition: unordered records hold up nobody' },
    "!has(self.retry) || self.retry.onExhausted != 'block' || (has(self.kafka) && self.kafka.ordering != 'unordered')",
    ({ kafka, retry }) => retry?.onExhausted !== 'block' || (kafka !== undefined && kafka.ordering !== 'unordered'),
  ),
  between({ path: 'spec.retry.maxAttempts', message: 'maxAttempts must be between 1 and 100' }, 1, 100),
  durationBetween(
    { path: 'spec.retry.backoff.initial', message: 'backoff.initial must be between 10ms and 1h' },
    '10ms',
    '1h',
  ),
  rule<number>(
    { path: 'spec.retry.backoff.factor', message: 'backoff.factor must be between 1 and 10' },
    'self >= 1.0 && self <= 10.0',
    (factor) => factor >= 1 && factor <= 10,
  ),
  durationBetween(
    { path: 'spec.retry.backoff.max', message: 'backoff.max must be between 10ms and 24h' },
    '10ms',
    '24h',
  ),
  durationBetween({ path: 'spec.retry.maxAge', message: 'maxAge must be a duration of at least 1s' }, '1s'),
]

export const TRIGGER_RULES: readonly Rule[] = [
  metadataNameRule,
  dnsLabel('spec.function', 'function'),
  exactlyOne('spec', ['http', 'kafka', 'cron']),
  matches(
    {
      path: 'spec.http.hosts[]',
      message: 'hosts must be lower-case host names without port, with *. in front for every name below',
    },
    `^(\\*\\.)?(${DNS_LABEL}\\.)*${DNS_LABEL}$`,
  ),
  matches({ path: 'spec.http.path', message: 'path must start with /' }, '^/'),
  doesNotMatch({ path: 'spec.http.path', message: "path must not contain '..' as a segment" }, '(^|/)\\.\\.(/|$)'),
  doesNotMatch(
    { path: 'spec.http.path', message: "path must not contain '//', '?', '#', '%', backslashes or control characters" },
    '//|[?#%\\\\\\x00-\\x1f\\x7f]',
  ),
  ...corsRules,
  ...kafkaRules,
  ...cronRules,
  ...retryRules,
]
