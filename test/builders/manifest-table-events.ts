/** The rows of manifest-table.ts that are about events: kafka and cron Triggers, retries, dead letters, asynchronous invocations. */
import {
  bad,
  invalid,
  invalidWhole,
  NAME,
  type,
  type BadManifest,
  type GoodManifest,
  type Json,
} from './manifest-rows.ts'
import { cronManifest, functionManifest, kafkaManifest, triggerManifest } from './manifests.ts'

const ONE_SOURCE = invalidWhole('spec', 'exactly one of http, kafka, cron must be set')
const NOT_FOR_HTTP = invalidWhole(
  'spec',
  'retry and deadLetter are for kafka and cron: an HTTP caller gets its answer at once',
)
const BLOCK = invalidWhole(
  'spec',
  'onExhausted block needs ordering key or partition: unordered records hold up nobody',
)
const TOPIC = 'must be 1 to 249 letters, digits, dots, underscores or hyphens, and not dots alone'
const ONE_PATTERN = 'every pattern must have exactly one of exact, prefix, suffix, anythingBut, numeric'
const FILTER_NAMES =
  'filters name attributes of the CloudEvent (lower-case letters and digits, without ce_), key, topic, or data.<path>'
const SCHEDULE =
  'schedule must have five fields: minute, hour, day of month, month, day of week; or be @hourly, @daily, @weekly, @monthly or @yearly'
const BAD_SCHEDULES = [
  ...['', '* * * *', '* * * * * *', ' * * * * *', '* * * * * ', '*\t* * * *', '5 4 * * sun;'],
  ...['@every 5m', '@Hourly', '@reboot'],
]
const GOOD_SCHEDULES = [
  ...['*/5 * * * *', '0 0 1 JAN MON-FRI', '0 12 L * ?', '0 9 * * MON#2', '0-30/10,45 7 * * *', '0  6 * * *'],
  ...['@hourly', '@midnight', '@annually'],
]
const BAD_TOPICS = ['', '.', '..', 'a b', 'a/b', 'ä', 'orders\n', 'a:b']

const START = 'startTimestamp must be set exactly when startFrom is timestamp'
const BAD_TIMES = [
  ...['', '2026-01-31', '2026-01-31 12:00:00Z', '2026-01-31T12:00:00', '2026-01-31T12:00Z', '2026-01-31t12:00:00z'],
  ...['2026-02-29T00:00:00Z', '2100-02-29T00:00:00Z', '2026-04-31T00:00:00Z', '2026-00-01T00:00:00Z'],
  ...['2026-13-01T00:00:00Z', '2026-01-00T00:00:00Z', '2026-01-32T00:00:00Z', '2026-01-31T24:00:00Z'],
  ...['2026-01-31T12:60:00Z', '2026-06-30T23:59:60Z', '2026-01-31T12:00:00.Z', '2026-01-31T12:00:00+1:00'],
  ...['1969-12-31T23:59:59Z', '+002026-01-31T12:00:00Z', '1700000000', '2026-01-31T12:00:00Z\n'],
]
/** Each the last of its kind, or the first. */
const GOOD_TIMES = [
  ...[
    '1970-01-01T00:00:00Z',
    '9999-12-31T23:59:59.999999999Z',
    '2026-01-31T12:00:00.5+01:00',
    '1970-01-01T00:00:00+05:00',
  ],
  ...['2024-02-29T23:59:59Z', '2000-02-29T00:00:00-23:59', '2026-04-30T00:00:00Z', '2026-11-30T00:00:00Z'],
]

const sources = [
  bad('no source', triggerManifest({}, { http: undefined }), ONE_SOURCE),
  bad('all sources null', triggerManifest({}, { http: null, kafka: null, cron: null }), ONE_SOURCE),
  bad('http and kafka', kafkaManifest({}, { http: {} }), ONE_SOURCE),
  bad('kafka and cron', kafkaManifest({}, { cron: { schedule: '* * * * *' } }), ONE_SOURCE),
]

const kafka = [
  bad(
    'no topic',
    kafkaManifest({ topics: [] }),
    invalidWhole('spec.kafka.topics', 'topics must name at least one topic'),
  ),
  ...BAD_TOPICS.map((topic) =>
    bad(
      `topic ${JSON.stringify(topic)}`,
      kafkaManifest({ topics: ['orders', topic] }),
      `spec.kafka.topics[1]: Invalid value: ${JSON.stringify(topic)}: topics ${TOPIC}`,
    ),
  ),
  ...['dormouse.default.mail.dlt', 'dormouse.', 'dormouse_default_mail_dlt', '__consumer_offsets'].map((topic) =>
    bad(
      `topic ${topic}`,
      kafkaManifest({ topics: [topic] }),
      invalid(
        'spec.kafka.topics[0]',
        topic,
        'topics that begin with dormouse., dormouse_ or __ belong to the platform and to Kafka',
      ),
    ),
  ),
  bad(
    'a time without timestamp',
    kafkaManifest({ startTimestamp: '2026-01-31T12:00:00Z' }),
    invalidWhole('spec.kafka', START),
  ),
  bad('timestamp without a time', kafkaManifest({ startFrom: 'timestamp' }), invalidWhole('spec.kafka', START)),
  ...BAD_TIMES.map((startTimestamp) =>
    bad(
      `time ${JSON.stringify(startTimestamp)}`,
      kafkaManifest({ startFrom: 'timestamp', startTimestamp }),
      invalid(
        'spec.kafka.startTimestamp',
        startTimestamp,
        'startTimestamp must be a time from 1970 on as RFC 3339 writes it, such as 2026-01-31T12:00:00Z',
      ),
    ),
  ),
  ...[{ type: {} }, { type: { exact: 'a', prefix: 'b' } }, { key: { exact: 'a' }, type: { exact: null } }].map(
    (filter) =>
      bad(
        `filter ${JSON.stringify(filter)}`,
        kafkaManifest({ filters: [filter] }),
        invalidWhole('spec.kafka.filters[0]', ONE_PATTERN),
      ),
  ),
  ...[
    { exact: 'a', anythingBut: ['b'] },
    { anythingBut: ['b'], numeric: { gt: 1 } },
  ].map((pattern) =>
    bad(
      `pattern ${JSON.stringify(pattern)}`,
      kafkaManifest({ filters: [{ type: pattern }] }),
      invalidWhole('spec.kafka.filters[0]', ONE_PATTERN),
    ),
  ),
  bad(
    'anythingBut nothing',
    kafkaManifest({ filters: [{ type: { anythingBut: [] } }] }),
    invalidWhole('spec.kafka.filters[0]', 'anythingBut must name at least one value'),
  ),
  ...[{}, { gt: null }].map((numeric) =>
    bad(
      `numeric ${JSON.stringify(numeric)}`,
      kafkaManifest({ filters: [{ 'data.total': { numeric } }] }),
      invalidWhole('spec.kafka.filters[0]', 'numeric must have at least one of gt, gte, lt, lte, eq'),
    ),
  ),
  bad(
    'a filter without pattern',
    kafkaManifest({ filters: [{ type: { exact: 'a' } }, {}] }),
    invalidWhole('spec.kafka.filters[1]', 'a filter must have at least one pattern'),
  ),
  ...[
    '',
    'Type',
    'ce_type',
    'content-type',
    'data.',
    'data..id',
    'data.a.',
    '.a',
    'detail.id',
    `data.${'a'.repeat(251)}`,
  ].map((name) =>
    bad(
      `filter of ${name.slice(0, 20)}`,
      kafkaManifest({ filters: [{ [name]: { exact: 'a' } }] }),
      invalidWhole('spec.kafka.filters[0]', FILTER_NAMES),
    ),
  ),
  ...[0, -1, 10_001].map((size) =>
    bad(
      `batch of ${size}`,
      kafkaManifest({ batch: { size } }),
      invalid('spec.kafka.batch.size', size, 'batch.size must be between 1 and 10000'),
    ),
  ),
  ...['5m1ms', '-1s', '', 'soon'].map((window) =>
    bad(
      `window ${window}`,
      kafkaManifest({ batch: { window } }),
      invalid('spec.kafka.batch.window', window, 'batch.window must be between 0s and 5m'),
    ),
  ),
]

const cron = [
  ...BAD_SCHEDULES.map((schedule) =>
    bad(`schedule ${JSON.stringify(schedule)}`, cronManifest({ schedule }), invalidSchedule(schedule)),
  ),
  ...['', '+02:00', 'Europe/', '/Berlin', 'Europe//Berlin', 'Europe/New York'].map((timezone) =>
    bad(
      `timezone ${timezone}`,
      cronManifest({ timezone }),
      invalid('spec.cron.timezone', timezone, 'timezone must be a name such as UTC or Europe/Berlin'),
    ),
  ),
  ...['9.999s', '0s', 'never'].map((startingDeadline) =>
    bad(
      `startingDeadline ${startingDeadline}`,
      cronManifest({ startingDeadline }),
      invalid('spec.cron.startingDeadline', startingDeadline, 'startingDeadline must be a duration of at least 10s'),
    ),
  ),
]

function invalidSchedule(schedule: string): string {
  return `spec.cron.schedule: Invalid value: ${JSON.stringify(schedule)}: ${SCHEDULE}`
}

const retry = [
  bad('retry of http', triggerManifest({}, { retry: {} }), NOT_FOR_HTTP),
  bad('dead letters of http', triggerManifest({}, { deadLetter: { keep: false } }), NOT_FOR_HTTP),
  bad('block without order', kafkaManifest({}, { retry: { onExhausted: 'block' } }), BLOCK),
  bad('block of a cron Trigger', cronManifest({}, { retry: { onExhausted: 'block' } }), BLOCK),
  bad(
    'no source and block',
    triggerManifest({}, { http: undefined, retry: { onExhausted: 'block' } }),
    ONE_SOURCE,
    BLOCK,
  ),
  ...[0, -1, 101].map((maxAttempts) =>
    bad(
      `${maxAttempts} attempts`,
      kafkaManifest({}, { retry: { maxAttempts } }),
      invalid('spec.retry.maxAttempts', maxAttempts, 'maxAttempts must be between 1 and 100'),
    ),
  ),
  ...backoffRows('spec.retry', (backoff) => kafkaManifest({}, { retry: { backoff } })),
  ...['999ms', '0s', 'ever'].map((maxAge) =>
    bad(
      `maxAge ${maxAge}`,
      cronManifest({}, { retry: { maxAge } }),
      invalid('spec.retry.maxAge', maxAge, 'maxAge must be a duration of at least 1s'),
    ),
  ),
]

/** The same for Triggers and for asynchronous invocations. */
function backoffRows(path: string, manifest: (backoff: Json) => Json): BadManifest[] {
  const row = (field: string, value: unknown, bounds: string) =>
    bad(
      `${path} ${field} ${String(value)}`,
      manifest({ [field]: value }),
      invalid(`${path}.backoff.${field}`, value, `backoff.${field} must be between ${bounds}`),
    )
  return [
    ...['9ms', '1h1ms', 'x'].map((initial) => row('initial', initial, '10ms and 1h')),
    ...[0.99, 0, -2, 10.01].map((factor) => row('factor', factor, '1 and 10')),
    ...['9ms', '24h1ms', 'x'].map((max) => row('max', max, '10ms and 24h')),
  ]
}

const async = (part: Json) => functionManifest({ async: part })

const asyncFields = [
  ...[0, 11].map((maxAttempts) =>
    bad(
      `async ${maxAttempts} attempts`,
      async({ maxAttempts }),
      invalid('spec.async.maxAttempts', maxAttempts, 'async.maxAttempts must be between 1 and 10'),
    ),
  ),
  ...['999ms', '24h1ms', 'x'].map((maxAge) =>
    bad(
      `async maxAge ${maxAge}`,
      async({ maxAge }),
      invalid('spec.async.maxAge', maxAge, 'async.maxAge must be between 1s and 24h'),
    ),
  ),
  ...backoffRows('spec.async', (backoff) => async({ backoff })),
  ...destinationRows('onSuccess'),
  ...destinationRows('onFailure'),
]

function destinationRows(field: 'onSuccess' | 'onFailure'): BadManifest[] {
  const path = `spec.async.${field}`
  const to = (destination: Json) => async({ [field]: destination })
  return [
    ...[{}, { topic: 'a', url: 'http://a' }, { function: 'a', topic: 'b', url: 'http://c' }].map((destination) =>
      bad(
        `${field} ${JSON.stringify(destination)}`,
        to(destination),
        invalidWhole(path, 'exactly one of function, topic, url must be set'),
      ),
    ),
    ...['', 'a/b', 'A'].map((name) =>
      bad(
        `${field} function ${name}`,
        to({ function: name }),
        invalid(`${path}.function`, name, NAME.replace('name', `${field}.function`)),
      ),
    ),
    ...BAD_TOPICS.map((topic) =>
      bad(
        `${field} topic ${JSON.stringify(topic)}`,
        to({ topic }),
        `${path}.topic: Invalid value: ${JSON.stringify(topic)}: ${field}.topic ${TOPIC}`,
      ),
    ),
    bad(
      `${field} topic of the platform`,
      to({ topic: 'dormouse.default.hello.async' }),
      invalid(
        `${path}.topic`,
        'dormouse.default.hello.async',
        `${field}.topic must not begin with dormouse., dormouse_ or __: those belong to the platform and to Kafka`,
      ),
    ),
    ...['', 'a.example/x', 'ftp://a', 'http://', 'https://a b', 'HTTP://a'].map((url) =>
      bad(
        `${field} url ${url}`,
        to({ url }),
        invalid(`${path}.url`, url, `${field}.url must begin with http:// or https://`),
      ),
    ),
  ]
}

/** Broken rules. */
export const EVENT_BREAKS: readonly BadManifest[] = [...sources, ...kafka, ...cron, ...retry, ...asyncFields]

const manyTopics = (count: number) => Array.from({ length: count }, (_, index) => `t${index}`)
const manyPatterns = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`a${index}`, { prefix: '' }]))

/** Broken structure. */
export const EVENT_STRUCTURE: readonly BadManifest[] = [
  bad('kafka without topics', kafkaManifest({ topics: undefined }), 'spec.kafka.topics: Required value'),
  bad('cron without schedule', cronManifest({ schedule: undefined }), 'spec.cron.schedule: Required value'),
  bad('a topic for topics', kafkaManifest({ topics: 'orders' }), type('spec.kafka.topics', 'string', 'array')),
  bad('a topic twice', kafkaManifest({ topics: ['a', 'b', 'a'] }), 'spec.kafka.topics[2]: Duplicate value: "a"'),
  bad(
    '17 topics',
    kafkaManifest({ topics: manyTopics(17) }),
    'spec.kafka.topics: Too many: 17: must have at most 16 items',
  ),
  bad(
    'a topic of 250 characters',
    kafkaManifest({ topics: ['a'.repeat(250)] }),
    'spec.kafka.topics[0]: Too long: may not be more than 249 bytes',
  ),
  bad(
    'an unknown ordering',
    kafkaManifest({ ordering: 'strict' }),
    'spec.kafka.ordering: Unsupported value: "strict": supported values: "unordered", "key", "partition"',
  ),
  bad(
    'an unknown beginning',
    kafkaManifest({ startFrom: 'now' }),
    'spec.kafka.startFrom: Unsupported value: "now": supported values: "earliest", "latest", "timestamp"',
  ),
  bad(
    'a number for a time',
    kafkaManifest({ startFrom: 'timestamp', startTimestamp: 1_700_000_000 }),
    type('spec.kafka.startTimestamp', 'integer', 'string'),
  ),
  bad(
    'six filters',
    kafkaManifest({ filters: Array.from({ length: 6 }, () => ({ type: { exact: 'a' } })) }),
    'spec.kafka.filters: Too many: 6: must have at most 5 items',
  ),
  bad(
    '17 patterns in one filter',
    kafkaManifest({ filters: [manyPatterns(17)] }),
    'spec.kafka.filters[0]: Too many: 17: must have at most 16 items',
  ),
  bad(
    'an unknown pattern',
    kafkaManifest({ filters: [{ type: { regex: 'a' } }] }),
    'spec.kafka.filters[0].type.regex: unknown field',
  ),
  bad(
    'one value for anythingBut',
    kafkaManifest({ filters: [{ type: { anythingBut: 'a' } }] }),
    type('spec.kafka.filters[0].type.anythingBut', 'string', 'array'),
  ),
  bad(
    'a value twice in anythingBut',
    kafkaManifest({ filters: [{ type: { anythingBut: ['a', 'a'] } }] }),
    'spec.kafka.filters[0].type.anythingBut[1]: Duplicate value: "a"',
  ),
  bad(
    '17 values in anythingBut',
    kafkaManifest({ filters: [{ type: { anythingBut: manyTopics(17) } }] }),
    'spec.kafka.filters[0].type.anythingBut: Too many: 17: must have at most 16 items',
  ),
  bad(
    'a bound as text',
    kafkaManifest({ filters: [{ 'data.total': { numeric: { gt: '5' } } }] }),
    type('spec.kafka.filters[0].data.total.numeric.gt', 'string', 'number'),
  ),
  bad(
    'an unknown comparison',
    kafkaManifest({ filters: [{ type: { numeric: { ne: 5 } } }] }),
    'spec.kafka.filters[0].type.numeric.ne: unknown field',
  ),
  bad(
    'a pattern as text',
    kafkaManifest({ filters: [{ type: 'a' }] }),
    type('spec.kafka.filters[0].type', 'string', 'object'),
  ),
  bad('a size as text', kafkaManifest({ batch: { size: '10' } }), type('spec.kafka.batch.size', 'string', 'integer')),
  bad('a payload that is no text', cronManifest({ payload: { a: 1 } }), type('spec.cron.payload', 'object', 'string')),
  bad(
    'a payload above 64 KiB',
    cronManifest({ payload: 'x'.repeat(65_537) }),
    'spec.cron.payload: Too long: may not be more than 65536 bytes',
  ),
  bad(
    'half an attempt',
    kafkaManifest({}, { retry: { maxAttempts: 1.5 } }),
    type('spec.retry.maxAttempts', 'number', 'integer'),
  ),
  bad(
    'an unknown end',
    kafkaManifest({}, { retry: { onExhausted: 'drop' } }),
    'spec.retry.onExhausted: Unsupported value: "drop": supported values: "deadLetter", "block"',
  ),
  bad(
    'keep as text',
    kafkaManifest({}, { deadLetter: { keep: 'yes' } }),
    type('spec.deadLetter.keep', 'string', 'boolean'),
  ),
  bad('an unknown destination', async({ onFailure: { queue: 'a' } }), 'spec.async.onFailure.queue: unknown field'),
]

const good = (why: string, manifest: Json): GoodManifest => ({ why, manifest })

/** Valid, some of them just so. */
export const EVENT_GOOD: readonly GoodManifest[] = [
  good('only topics', kafkaManifest()),
  good('only a schedule', cronManifest()),
  good(
    'topics of all kinds',
    kafkaManifest({ topics: ['a', '.a', 'a..b', '_', '-', 'A.b_c-9', 'a'.repeat(249), 'dormouse', 'x.dormouse.y'] }),
  ),
  good('16 topics', kafkaManifest({ topics: manyTopics(16) })),
  good('all that a kafka Trigger has', {
    ...kafkaManifest(
      {
        ordering: 'key',
        startFrom: 'earliest',
        filters: [
          { type: { prefix: 'shop.' }, key: { exact: 'a' }, topic: { suffix: 's' }, 'data.order.id': { prefix: '' } },
          { 'data.Größe x': { exact: 'ä' }, a1: { exact: '' } },
          {
            type: { anythingBut: ['', 'a'] },
            'data.total': { numeric: { gt: -1.5, gte: 0, lt: 1e300, lte: 9, eq: 3 } },
          },
          { 'data.n': { numeric: { eq: 0 } }, 'data.m': { anythingBut: manyTopics(16) } },
        ],
        batch: { size: 10_000, window: '5m', bisect: true },
      },
      {
        retry: {
          maxAttempts: 100,
          backoff: { initial: '10ms', factor: 1, max: '24h' },
          maxAge: '1s',
          onExhausted: 'block',
        },
        deadLetter: { keep: false },
      },
    ),
  }),
  ...GOOD_TIMES.map((startTimestamp) =>
    good(`time ${startTimestamp}`, kafkaManifest({ startFrom: 'timestamp', startTimestamp })),
  ),
  good('five filters', kafkaManifest({ filters: Array.from({ length: 5 }, () => manyPatterns(16)) })),
  good('batches of one, at once', kafkaManifest({ batch: { size: 1, window: '0s' } })),
  good('batches as they are', kafkaManifest({ batch: {} })),
  good('block by partition', kafkaManifest({ ordering: 'partition' }, { retry: { onExhausted: 'block' } })),
  good('retries as they are', kafkaManifest({}, { retry: {}, deadLetter: {} })),
  good(
    'one attempt',
    cronManifest({}, { retry: { maxAttempts: 1, backoff: { initial: '1h', factor: 10, max: '10ms' } } }),
  ),
  ...GOOD_SCHEDULES.map((schedule) => good(`schedule ${schedule}`, cronManifest({ schedule }))),
  ...['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Etc/GMT+5', 'America/Port-au-Prince'].map((timezone) =>
    good(`timezone ${timezone}`, cronManifest({ timezone })),
  ),
  good('all that a cron Trigger has', cronManifest({ payload: 'x'.repeat(65_536), startingDeadline: '10s' })),
  good('an empty payload', cronManifest({ payload: '' })),
  good('asynchronous invocations as they are', async({})),
  good(
    'all that asynchronous invocations have',
    async({
      maxAttempts: 10,
      maxAge: '24h',
      backoff: { initial: '1h', factor: 10, max: '24h' },
      onSuccess: { function: 'a'.repeat(63) },
      onFailure: { topic: 'failed.orders' },
    }),
  ),
  good(
    'at the other bounds',
    async({
      maxAttempts: 1,
      maxAge: '1s',
      backoff: { initial: '10ms', factor: 1, max: '10ms' },
      onSuccess: { url: 'http://a' },
      onFailure: { url: 'https://user@[::1]:8443/x?y=%20#z' },
    }),
  ),
]
