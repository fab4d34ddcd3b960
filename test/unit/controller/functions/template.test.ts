import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { functionSpecSchema } from '../../../../api/function.ts'
import type { FunctionManifest, FunctionSpec } from '../../../../api/function.ts'
import { canonicalJson, templateOf } from '../../../../controller/functions/template.ts'

const metadata = {
  name: 'web',
  namespace: 'default',
  uid: 'u1',
  resourceVersion: '1',
  creationTimestamp: '2026-01-01T00:00:00Z',
}
const specOf = (more: Partial<FunctionManifest['spec']> = {}): FunctionSpec =>
  functionSpecSchema.parse({ runtime: 'node', code: { inline: { 'index.mjs': 'a' } }, ...more })
const revision = (more: Partial<FunctionManifest['spec']> = {}) => templateOf({ metadata, spec: specOf(more) }).revision

test('a template has what pods are made from, in units', () => {
  const spec = specOf({
    env: [{ name: 'A', value: '1' }],
    timeout: '1m30s',
    resources: { limits: { memory: '1Gi' } },
    signature: 'http',
  })
  expect(templateOf({ metadata, spec })).toEqual({
    function: { namespace: 'default', name: 'web', uid: 'u1' },
    revision: expect.stringMatching(/^[0-9a-f]{12}$/),
    runtime: 'node',
    handler: 'index.handler',
    signature: 'http',
    files: { 'index.mjs': 'a' },
    env: { A: '1' },
    timeoutMs: 90_000,
    concurrency: 80,
    memoryMb: 1024,
    resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { cpu: '1', memory: '1024Mi' } },
  })
})

describe('the revision', () => {
  const changes: Partial<FunctionManifest['spec']>[] = [
    { runtime: 'python' },
    { handler: 'index.other' },
    { signature: 'cloudevent' },
    { code: { inline: { 'index.mjs': 'b' } } },
    { code: { inline: { 'index.js': 'a' } } },
    { env: [{ name: 'A', value: '1' }] },
    { timeout: '31s' },
    { concurrency: 2 },
    { resources: { limits: { memory: '256Mi' } } },
    { resources: { requests: { cpu: '1' } } },
    { serviceAccountName: 'robot' },
    { nodeSelector: { disk: 'ssd' } },
    { tolerations: [{ key: 'a' }] },
    { tolerations: [{ key: 'a', effect: 'NoExecute' }] },
    { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] },
    { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 's', key: 'k' } } }] },
  ]
  test.each(changes)('changes with %j', (change) => {
    expect(revision(change)).not.toBe(revision())
  })

  const same: Partial<FunctionManifest['spec']>[] = [
    { nodeSelector: {}, tolerations: [] },
    { scaling: { min: 3, max: 9, idleAfter: '1s' } },
    { timeout: '30000ms' },
    { concurrency: 1 },
    { resources: { limits: { memory: '131072Ki' } } },
    { resources: { limits: { cpu: '1000m' }, requests: { cpu: '0.01', memory: '64Mi' } } },
  ]
  test.each(same)('does not change with %j', (change) => {
    expect(revision(change)).toBe(revision())
  })

  test('changes with what the restart annotation says, and with nothing else of the metadata', () => {
    const said = (annotations: Record<string, string>) =>
      templateOf({ metadata: { ...metadata, annotations }, spec: specOf() }).revision
    expect(said({ 'dormouse.dev/restart': '1' })).not.toBe(revision())
    expect(said({ 'dormouse.dev/restart': '1' })).not.toBe(said({ 'dormouse.dev/restart': '2' }))
    expect(said({ other: '1' })).toBe(revision())
  })

  test('is the same whether a key is said not to be optional or nothing is said of it', () => {
    const ref = (more: object) =>
      revision({ env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k', ...more } } }] })
    expect(ref({ optional: false })).toBe(ref({}))
    expect(ref({ optional: true })).not.toBe(ref({}))
  })

  test('does not depend on whose it is', () => {
    const other = { ...metadata, name: 'other', uid: 'u2' }
    expect(templateOf({ metadata: other, spec: specOf() }).revision).toBe(revision())
  })

  test('is the same for ever: pods of a running cluster must not be replaced because Dormouse was', () => {
    expect(revision()).toBe('d06c7c0be25b')
  })
})

test('canonical JSON does not depend on the order of keys, and says the same as JSON', () => {
  const record = fc.dictionary(fc.string(), fc.jsonValue())
  fc.assert(
    fc.property(record, (value) => {
      const reversed = Object.fromEntries(Object.entries(value).reverse())
      expect(canonicalJson(reversed)).toBe(canonicalJson(value))
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
    }),
  )
})

test('a file named __proto__ is a file like any other', () => {
  const files = JSON.parse('{"__proto__":"x"}') as Record<string, string>
  expect(canonicalJson(files)).toBe('{"__proto__":"x"}')
})
