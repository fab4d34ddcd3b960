/** What a Function's values must mean, beyond their types. */
import { POD_RULES } from './function-pod-rules.ts'
import { MAX_CODE_BYTES, type FunctionSpec } from './function.ts'
import {
  between,
  dnsLabel,
  doesNotMatch,
  durationBetween,
  exactlyOne,
  matches,
  metadataNameRule,
  objectName,
  rule,
  type Rule,
} from './rule.ts'
import { RESERVED_TOPIC_PATTERN, TOPIC_NAME } from './topic.ts'

type Files = Record<string, string>
type Source = Pick<FunctionSpec, 'runtime' | 'image' | 'code' | 'signature'>

const bytes = (text: string) => Buffer.byteLength(text)
const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0)

const FILE_PATH = '^[^/\\\\\\x00-\\x1f]+(/[^/\\\\\\x00-\\x1f]+)*$'
const DOT_SEGMENT = '(^|/)\\.\\.?(/|$)'
const relative = [new RegExp(FILE_PATH), new RegExp(DOT_SEGMENT)] as const
/** Of code that travels in a Function. */
export const isFilePath = (path: string) => path.length <= 255 && relative[0].test(path) && !relative[1].test(path)

const codeRules: Rule[] = [
  exactlyOne('spec.code', ['inline', 'configMap', 'archive']),
  objectName('spec.code.configMap.name', 'name'),
  matches(
    {
      path: 'spec.code.archive.url',
      message: 'url must begin with http:// or https:// and have no user, password or fragment',
    },
    '^https?://[^/?#@\\\\\\x00-\\x20]+([/?][^#\\x00-\\x20]*)?$',
  ),
  matches(
    { path: 'spec.code.archive.sha256', message: 'sha256 must be 64 lower-case hexadecimal digits' },
    '^[0-9a-f]{64}$',
  ),
  rule<Files>(
    { path: 'spec.code.inline', message: 'inline must contain at least one file' },
    'size(self) > 0',
    (files) => Object.keys(files).length > 0,
  ),
  rule<Files>(
    {
      path: 'spec.code.inline',
      message: "file paths must be relative, at most 255 characters, without '..', '.', empty segments or backslashes",
    },
    `self.all(path, size(path) <= 255 && path.matches(r"${FILE_PATH}") && !path.matches(r"${DOT_SEGMENT}"))`,
    (files) => Object.keys(files).every(isFilePath),
  ),
  rule<Files>(
    { path: 'spec.code.inline', message: 'a path must not be a file and a folder at once' },
    "!self.exists(file, self.exists(other, other.startsWith(file + '/')))",
    (files) => {
      const paths = Object.keys(files)
      return !paths.some((file) => paths.some((other) => other.startsWith(`${file}/`)))
    },
  ),
  rule<Files>(
    { path: 'spec.code.inline', message: 'inline must be at most 256 KiB in all' },
    `self.map(path, size(bytes(self[path]))).sum() <= ${MAX_CODE_BYTES}`,
    (files) => sum(Object.values(files).map(bytes)) <= MAX_CODE_BYTES,
  ),
]

const scalingRules: Rule[] = [
  between({ path: 'spec.scaling.min', message: 'min must be between 0 and 1000' }, 0, 1000),
  between({ path: 'spec.scaling.max', message: 'max must be between 1 and 1000' }, 1, 1000),
  rule<{ min: number; max: number }>(
    { path: 'spec.scaling', message: 'min must not be greater than max' },
    'self.min <= self.max',
    ({ min, max }) => min <= max,
  ),
  rule<number>(
    { path: 'spec.scaling.target', message: 'target must be greater than 0 and at most 1' },
    'self > 0.0 && self <= 1.0',
    (target) => target > 0 && target <= 1,
  ),
  durationBetween({ path: 'spec.scaling.idleAfter', message: 'idleAfter must be a duration of at least 1s' }, '1s'),
  durationBetween({ path: 'spec.scaling.maxPodAge', message: 'maxPodAge must be a duration of at least 1m' }, '1m'),
]

const destinationRules = (field: 'onSuccess' | 'onFailure'): Rule[] => [
  exactlyOne(`spec.async.${field}`, ['function', 'topic', 'url']),
  dnsLabel(`spec.async.${field}.function`, `${field}.function`),
  matches(
    {
      path: `spec.async.${field}.topic`,
      message: `${field}.topic must be 1 to 249 letters, digits, dots, underscores or hyphens, and not dots alone`,
    },
    TOPIC_NAME,
  ),
  doesNotMatch(
    {
      path: `spec.async.${field}.topic`,
      message: `${field}.topic must not begin with dormouse., dormouse_ or __: those belong to the platform and to Kafka`,
    },
    RESERVED_TOPIC_PATTERN,
  ),
  matches(
    { path: `spec.async.${field}.url`, message: `${field}.url must begin with http:// or https://` },
    '^https?://[^\\x00-\\x20]+$',
  ),
]

const asyncRules: Rule[] = [
  between({ path: 'spec.async.maxAttempts', message: 'async.maxAttempts must be between 1 and 10' }, 1, 10),
  durationBetween({ path: 'spec.async.maxAge', message: 'async.maxAge must be between 1s and 24h' }, '1s', '24h'),
  durationBetween(
    { path: 'spec.async.backoff.initial', message: 'backoff.initial must be between 10ms and 1h' },
    '10ms',
    '1h',
  ),
  rule<number>(
    { path: 'spec.async.backoff.factor', message: 'backoff.factor must be between 1 and 10' },
    'self >= 1.0 && self <= 10.0',
    (factor) => factor >= 1 && factor <= 10,
  ),
  durationBetween(
    { path: 'spec.async.backoff.max', message: 'backoff.max must be between 10ms and 24h' },
    '10ms',
    '24h',
  ),
  ...destinationRules('onSuccess'),
  ...destinationRules('onFailure'),
]

const HANDLER = '^([^/\\\\\\x00-\\x1f]+/)*[^/\\\\.\\x00-\\x1f]+(\\.[^/\\\\.\\x00-\\x20]+)+$'

/** What runs it: code on a Runtime, or an image of its own, of which the platform knows nothing but that it speaks HTTP. */
const whatRuns: Rule[] = [
  exactlyOne('spec', ['runtime', 'image']),
  matches({ path: 'spec.image', message: 'image must be the name of an image, without spaces' }, '^[^\\x00-\\x20]+$'),
  rule<Source>(
    { path: 'spec', message: 'code must be set with runtime, and left out with image' },
    'has(self.image) != has(self.code) || has(self.image) == has(self.runtime)',
    ({ runtime, image, code }) =>
      (image === undefined) !== (code === undefined) || (image === undefined) === (runtime === undefined),
  ),
  rule<Source>(
    { path: 'spec', message: 'signature must be http with image: an image of its own gets requests as they come' },
    "!has(self.image) || self.signature == 'http'",
    ({ image, signature }) => image === undefined || signature === 'http',
  ),
]

export const FUNCTION_RULES: readonly Rule[] = [
  metadataNameRule,
  ...whatRuns,
  dnsLabel('spec.runtime', 'runtime'),
  matches(
    { path: 'spec.handler', message: 'handler must be path/file.export, with nested exports as file.outer.inner' },
    HANDLER,
  ),
  doesNotMatch({ path: 'spec.handler', message: "handler must not contain '..'" }, '\\.\\.'),
  ...codeRules,
  ...POD_RULES,
  durationBetween({ path: 'spec.timeout', message: 'timeout must be between 1s and 15m' }, '1s', '15m'),
  between({ path: 'spec.concurrency', message: 'concurrency must be between 1 and 1000' }, 1, 1000),
  ...scalingRules,
  ...asyncRules,
]
