import { describe, expect, test } from '@jest/globals'
import { parseManifest } from '../../api/validate.ts'
import { CRD_PLURALS, readCrd, schemaOf, serve } from '../builders/crd-server.ts'
import { BREAKS, GOOD } from '../builders/manifest-table.ts'

const schemas = new Map(CRD_PLURALS.map(readCrd).map((crd) => [crd.spec.names.kind, schemaOf(crd)]))
const schemaFor = (manifest: Record<string, unknown>) => schemas.get(String(manifest['kind']))!

function localProblems(manifest: unknown): string[] {
  const parsed = parseManifest(manifest)
  return parsed.kind === 'valid' ? [] : parsed.problems.map(({ path, message }) => `${path}: ${message}`)
}

describe('the CEL of the generated CRDs refuses with the sentence of the local validator', () => {
  test.each(BREAKS)('$why', ({ manifest, problems }) => {
    const served = serve(schemaFor(manifest), manifest)
    expect(served.problems).toEqual(problems)
    expect(localProblems(manifest)).toEqual(served.problems)
  })
})

describe('the generated CRDs take what the local validator takes, with the same defaults', () => {
  test.each(GOOD)('$why', ({ manifest }) => {
    const { object, problems } = serve(schemaFor(manifest), manifest)
    expect(problems).toEqual([])
    const local = parseManifest(manifest)
    expect(local).toMatchObject({ kind: 'valid', object: { spec: object['spec'] } })
    if (local.kind === 'valid') expect(local.object.spec).toEqual(object['spec'])
  })
})
