import { expect, test } from '@jest/globals'
import { functionSpecSchema } from '../../../../api/function.ts'
import { ownPodKind, poolOfSpec } from '../../../../controller/fleet/own-pod-policy.ts'
import { genericPod, graceSeconds } from '../../../../controller/fleet/resources.ts'
import { templateOf } from '../../../../controller/functions/template.ts'

const metadata = { name: 'web', namespace: 'a', uid: 'fu', resourceVersion: '1', creationTimestamp: '' }
const specOf = (timeout: string) =>
  functionSpecSchema.parse({ runtime: 'node', code: { inline: { 'index.mjs': 'a' } }, timeout })

test.each([
  ['30s', undefined],
  ['60s', undefined],
  ['61s', 'runtime'],
  ['15m', 'runtime'],
])(
  'a function that may take %s gets pods that are given as long to end: own ones when no pool has such',
  (timeout, want) => {
    const spec = specOf(timeout)
    expect(ownPodKind(templateOf({ metadata, spec }))).toBe(want)
    expect(poolOfSpec(spec) !== undefined).toBe(want === undefined)
  },
)

test('a pod of a pool has as long to end as any function that may claim it', () => {
  const runtime = {
    apiVersion: 'dormouse.dev/v1alpha1',
    kind: 'Runtime' as const,
    metadata,
    spec: { image: 'x', pool: { size: 1 } },
  }
  const settings = {
    ...{ phoneHomeUrl: 'http://c', publicKey: 'p', platformUrl: 'http://g', initTimeoutMs: 1 },
    ports: { control: 8079, data: 8080 },
  }
  const pod = genericPod({ runtime, namespace: 'a', name: 'n', phoneHomeToken: 't', settings })
  expect(pod.spec.terminationGracePeriodSeconds).toBe(graceSeconds(60_000))
})
