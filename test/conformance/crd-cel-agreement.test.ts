import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { parseManifest } from '../../api/validate.ts'
import { CRD_PLURALS, readCrd, schemaOf, serve } from '../builders/crd-server.ts'
import {
  cronManifest,
  functionManifest,
  kafkaManifest,
  runtimeManifest,
  triggerManifest,
} from '../builders/manifests.ts'

type Json = Record<string, unknown>

const schemas = new Map(CRD_PLURALS.map(readCrd).map((crd) => [crd.spec.names.kind, schemaOf(crd)]))

function localProblems(manifest: Json): string[] {
  const parsed = parseManifest(manifest)
  return parsed.kind === 'valid' ? [] : parsed.problems.map(({ path, message }) => `${path}: ${message}`)
}

/** Which rules break, whatever the order they are asked in and however the value is printed. */
function rulesOf(problems: string[]): string[] {
  return problems.map((problem) => problem.replace(/Invalid value: ("(\\.|[^"\\])*"|[-\d.e]+): /s, '')).toSorted()
}

const unit = fc.constantFrom(
  ...'aB1-_./\\*: %?#$\n\u0000é😀',
  'ms',
  's',
  'm',
  'h',
  'Mi',
  'Gi',
  '..',
  '999',
  'https://',
  'LAMBDA_',
)
const text = fc.string({ unit, maxLength: 6 })
/** Within the length that durations and quantities may have: longer text does not come as far as the rules. */
const short = text.map((value) => value.slice(0, 20))
const labelText = fc.oneof(short, fc.constantFrom('a', 'example.com/a', 'A_b.c', ''))
const name = text.map((value) => (value === '' ? 'a' : value))
const number = fc.oneof(fc.integer({ min: -2, max: 1100 }), fc.constantFrom(0, 1, 100, 101, 1000, 1001))
const topic = fc.oneof(text, fc.constantFrom('orders', 'dormouse', 'dormouse.a', '...'))
const filterName = fc.oneof(text, fc.constantFrom('type', 'key', 'topic', 'data', 'data.a.b', 'data..a', 'ce_type'))
const digits = fc.integer({ min: 0, max: 70 }).map((value) => `${value}`.padStart(2, '0'))
const month = fc.integer({ min: 0, max: 13 }).map((value) => `${value}`.padStart(2, '0'))
const year = fc.integer({ min: 1965, max: 2110 })
const zone = fc.oneof(
  fc.constant('Z'),
  fc.tuple(digits, digits).map(([hours, minutes]) => `+${hours}:${minutes}`),
)
const bounds = fc.record({ gt: number, gte: number, lt: number, lte: number, eq: number }, { requiredKeys: [] })
const values = fc.uniqueArray(text, { maxLength: 2 })
const pattern = fc.record(
  { exact: text, prefix: text, suffix: text, anythingBut: values, numeric: bounds },
  { requiredKeys: [] },
)
/** Mostly near one that there is. */
const time = fc
  .tuple(year, ...[month, fc.constantFrom('01', '28', '29', '30', '31', '32'), digits, digits, digits], zone)
  .map(([y, month, day, h, m, s, z]) => `${y}-${month}-${day}T${h}:${m}:${s}${z}`)
const field = fc.oneof(text, fc.constantFrom('*', '*/5', '1-5', 'MON', 'L', '?'))

const MANIFESTS: Record<string, fc.Arbitrary<Json>> = {
  names: name.map((value) => functionManifest({}, { name: value })),
  runtimes: text.map((runtime) => functionManifest({ runtime })),
  handlers: text.map((handler) => functionManifest({ handler })),
  durations: fc
    .tuple(short, short, short)
    .map(([timeout, idleAfter, maxPodAge]) => functionManifest({ timeout, scaling: { idleAfter, maxPodAge } })),
  quantities: short.map((memory) => functionManifest({ resources: { limits: { memory } } })),
  'numbers of pods': fc
    .tuple(number, number, number)
    .map(([min, max, concurrency]) => functionManifest({ concurrency, scaling: { min, max } })),
  targets: fc.double({ min: -1, max: 2, noNaN: true }).map((target) => functionManifest({ scaling: { target } })),
  files: fc.dictionary(text, fc.string(), { maxKeys: 4 }).map((inline) => functionManifest({ code: { inline } })),
  variables: fc
    .uniqueArray(fc.record({ name: text, value: text }), { maxLength: 4, selector: (each) => each.name })
    .map((env) => functionManifest({ env })),
  hosts: fc.uniqueArray(text, { maxLength: 3 }).map((hosts) => triggerManifest({ hosts })),
  paths: text.map((path) => triggerManifest({ path: `/${path}` })),
  origins: fc
    .record({
      allowOrigins: fc.array(text, { maxLength: 3 }),
      allowCredentials: fc.boolean(),
      allowHeaders: fc.array(text, { maxLength: 2 }),
    })
    .map((cors) => triggerManifest({ cors })),
  sources: fc
    .record(
      { http: fc.constant({}), kafka: fc.constant({ topics: ['a'] }), cron: fc.constant({ schedule: '* * * * *' }) },
      { requiredKeys: [] },
    )
    .map((spec) => triggerManifest({}, { http: undefined, ...spec })),
  topics: fc.uniqueArray(topic, { maxLength: 3 }).map((topics) => kafkaManifest({ topics })),
  beginnings: fc
    .record(
      { startFrom: fc.constantFrom('earliest', 'latest', 'timestamp'), startTimestamp: fc.oneof(short, time) },
      { requiredKeys: [] },
    )
    .map((kafka) => kafkaManifest(kafka)),
  filters: fc
    .array(fc.dictionary(filterName, pattern), {
      maxLength: 3,
    })
    .map((filters) => kafkaManifest({ filters })),
  batches: fc.tuple(number, short).map(([size, window]) => kafkaManifest({ batch: { size, window } })),
  retries: fc
    .record({
      maxAttempts: number,
      backoff: fc.record({ initial: short, factor: fc.double({ min: -1, max: 12, noNaN: true }), max: short }),
      maxAge: short,
    })
    .map((retry) => kafkaManifest({}, { retry })),
  'ends of retries': fc
    .tuple(
      fc.constantFrom(triggerManifest, kafkaManifest, cronManifest),
      fc.constantFrom(undefined, 'unordered', 'key', 'partition'),
      fc.record({ onExhausted: fc.constantFrom('deadLetter', 'block') }, { requiredKeys: [] }),
      fc.constantFrom({}, { deadLetter: {} }),
    )
    .map(([manifest, ordering, retry, rest]) =>
      manifest(manifest === kafkaManifest && ordering !== undefined ? { ordering } : {}, { retry, ...rest }),
    ),
  schedules: fc
    .tuple(fc.array(field, { maxLength: 7 }), short, text)
    .map(([fields, startingDeadline, timezone]) =>
      cronManifest({ schedule: fields.join(' '), startingDeadline, timezone }),
    ),
  'asynchronous invocations': fc
    .record({ maxAttempts: number, maxAge: short, backoff: fc.record({ initial: short, max: short }) })
    .map((async) => functionManifest({ async })),
  destinations: fc
    .array(fc.record({ function: text, topic, url: text }, { requiredKeys: [] }), { minLength: 2, maxLength: 2 })
    .map(([onSuccess, onFailure]) => functionManifest({ async: { onSuccess, onFailure } })),
  placements: fc
    .tuple(
      fc.constantFrom(functionManifest, runtimeManifest),
      fc.dictionary(labelText, labelText, { maxKeys: 3 }),
      fc.array(
        fc.record(
          {
            key: labelText,
            operator: fc.constantFrom('Exists', 'Equal'),
            value: labelText,
            effect: fc.constantFrom('NoSchedule', 'NoExecute'),
            tolerationSeconds: number,
          },
          { requiredKeys: [] },
        ),
        { maxLength: 3 },
      ),
    )
    .map(([manifest, nodeSelector, tolerations]) => manifest({ nodeSelector, tolerations })),
  images: fc.tuple(text, number).map(([image, size]) => runtimeManifest({ image, pool: { size } })),
}

describe('CEL and the local validator break the same rules for any', () => {
  test.each(Object.keys(MANIFESTS))('%s', (what) => {
    fc.assert(
      fc.property(MANIFESTS[what]!, (manifest) => {
        const { problems } = serve(schemas.get(String(manifest['kind']))!, manifest)
        expect(rulesOf(localProblems(manifest))).toEqual(rulesOf(problems))
      }),
      { numRuns: 300 },
    )
  })
})
