import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { parseManifest } from '../../api/validate.ts'
import { CRD_PLURALS, readCrd, schemaOf, serve } from '../builders/crd-server.ts'
import { functionManifest, runtimeManifest, triggerManifest } from '../builders/manifests.ts'

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
const name = text.map((value) => (value === '' ? 'a' : value))
const number = fc.oneof(fc.integer({ min: -2, max: 1100 }), fc.constantFrom(0, 1, 100, 101, 1000, 1001))

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
