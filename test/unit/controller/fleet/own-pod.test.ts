/** Which functions get pods of their own, and what such a pod is. */
import { describe, expect, test } from '@jest/globals'
import { functionSpecSchema, type FunctionManifest } from '../../../../api/function.ts'
import { LABEL } from '../../../../api/names.ts'
import { jointPlacement, placementConflict } from '../../../../api/placement.ts'
import type { Runtime } from '../../../../api/runtime.ts'
import { ownPodKind, poolOf, poolOfSpec } from '../../../../controller/fleet/own-pod-policy.ts'
import { ownPod } from '../../../../controller/fleet/resources.ts'
import { templateOf } from '../../../../controller/functions/template.ts'

const metadata = { name: 'web', namespace: 'a', uid: 'fu', resourceVersion: '1', creationTimestamp: '' }
type Spec = Partial<FunctionManifest['spec']>
const code = { inline: { 'index.mjs': 'a' } }
const specOf = (more: Spec = {}) => functionSpecSchema.parse({ runtime: 'node', code, ...more })
const secretEnv: Spec = {
  env: [
    { name: 'S', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
    { name: 'A', value: '1' },
  ],
}
const image: Spec = { runtime: undefined, code: undefined, image: 'example/web:1', signature: 'http' }
const runtime: Runtime = {
  apiVersion: 'dormouse.dev/v1alpha1',
  kind: 'Runtime',
  metadata: { name: 'node', uid: 'ru', resourceVersion: '1', creationTimestamp: '' },
  spec: { image: 'example/node', pool: { size: 3 } },
}
const settings = {
  phoneHomeUrl: 'http://controller:8082/v1/pods',
  publicKey: 'pk',
  platformUrl: 'http://gateway',
  initTimeoutMs: 10_000,
  ports: { control: 8079, data: 8080 },
}
const podOf = (spec: Spec) => {
  const template = templateOf({ metadata, spec: specOf(spec) })
  const made = template.runtime === undefined ? undefined : runtime
  return ownPod({ template, runtime: made, namespace: 'a', name: 'web-x', phoneHomeToken: 't', settings, nowMs: 0 })
}

describe('a function', () => {
  const cases: [string, Spec, string | undefined][] = [
    ['that asks for nothing takes pods of the pool', {}, undefined],
    [
      'with other limits takes pods of the pool, which are resized',
      { resources: { limits: { memory: '256Mi' } } },
      undefined,
    ],
    [
      'with more memory than the heap of a common pod can use takes pods of a pool of that size',
      { resources: { limits: { memory: '1Gi', cpu: '2' } } },
      undefined,
    ],
    [
      'of a size that no pool is kept for gets pods of its own',
      { resources: { limits: { memory: '257Mi' } } },
      'runtime',
    ],
    ['with secrets gets pods of its own', secretEnv, 'runtime'],
    [
      'with values of config maps gets pods of its own',
      { env: [{ name: 'C', valueFrom: { configMapKeyRef: { name: 'c', key: 'k' } } }] },
      'runtime',
    ],
    ['with a service account gets pods of its own', { serviceAccountName: 'robot' }, 'runtime'],
    [
      'whose requests are its limits gets pods of its own: their class of service never changes',
      { resources: { limits: { cpu: '1', memory: '128Mi' }, requests: { cpu: '1000m', memory: '128Mi' } } },
      'runtime',
    ],
    ['that says where its pods run gets pods of its own', { nodeSelector: { disk: 'ssd' } }, 'runtime'],
    ['that tolerates a taint gets pods of its own', { tolerations: [{ key: 'a' }] }, 'runtime'],
    ['that says nothing of it in many words takes pods of the pool', { nodeSelector: {}, tolerations: [] }, undefined],
    ['that is an image gets pods of its own', image, 'image'],
  ]
  test.each(cases)('%s', (_, spec, want) => {
    expect(ownPodKind(templateOf({ metadata, spec: specOf(spec) }))).toBe(want)
    expect(poolOfSpec(specOf(spec)) !== undefined).toBe(want === undefined)
  })
})

describe('a pod of its own', () => {
  test('is the function’s from birth, and says what it is', () => {
    const { metadata: made } = podOf(secretEnv)
    expect(made.ownerReferences).toEqual([expect.objectContaining({ kind: 'Function', uid: 'fu', controller: true })])
    expect(made.labels).toMatchObject({ [LABEL.state]: 'claimed', [LABEL.function]: 'web', [LABEL.own]: 'runtime' })
  })

  test('gets secrets from the kubelet and plain variables when it is specialized', () => {
    const { env = [] } = podOf(secretEnv).spec.containers[0]!
    expect(env).toContainEqual({ name: 'S', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } })
    expect(env.map(({ name }) => name)).not.toContain('A')
  })

  test('gets values of config maps from the kubelet, optional where they may be missing', () => {
    const valueFrom = { configMapKeyRef: { name: 'c', key: 'k', optional: true } }
    const { env = [] } = podOf({ env: [{ name: 'C', valueFrom }] }).spec.containers[0]!
    expect(env).toContainEqual({ name: 'C', valueFrom })
  })

  test('has a token exactly when it asks for a service account', () => {
    expect(podOf(secretEnv).spec).toMatchObject({ automountServiceAccountToken: false })
    expect(podOf({ serviceAccountName: 'robot' }).spec).toMatchObject({
      serviceAccountName: 'robot',
      automountServiceAccountToken: true,
    })
  })

  test('ends with its function’s timeout and a little', () => {
    expect(podOf({ ...secretEnv, timeout: '10s' }).spec.terminationGracePeriodSeconds).toBe(15)
  })

  test('of an image gets values as they are written: to the kubelet $(NAME) is a variable, and $$ is $', () => {
    const { spec } = podOf({ ...image, env: [{ name: 'A', value: 'a$$b $(PORT) $c$' }] })
    expect(spec.containers[0]?.env).toContainEqual({ name: 'A', value: 'a$$$$b $$(PORT) $$c$$' })
  })

  test('of an image is told where to listen and nothing of the platform’s secrets', () => {
    const { spec } = podOf({ ...image, ...secretEnv })
    const [container] = spec.containers
    expect(container?.env).toEqual([
      { name: 'S', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
      { name: 'A', value: '1' },
      { name: 'DORMOUSE_URL', value: 'http://gateway' },
      { name: 'PORT', value: '8080' },
    ])
    expect(container).toMatchObject({ image: 'example/web:1', startupProbe: { tcpSocket: { port: 8080 } } })
    expect(spec.securityContext).toEqual({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
  })
})

describe('where a function runs', () => {
  const [SPOT, GPU] = [{ key: 'spot' }, { key: 'gpu', operator: 'Exists' as const }]
  const equal = { key: 'spot', operator: 'Equal' as const }
  const of = { nodeSelector: { disk: 'ssd', zone: 'a' }, tolerations: [equal] }
  test.each<[string, Spec, boolean]>([
    ['as its Runtime', { nodeSelector: { zone: 'a', disk: 'ssd' }, tolerations: [SPOT] }, true],
    ['as its Runtime, in part', { nodeSelector: { zone: 'a' } }, true],
    ['elsewhere by another label', { nodeSelector: { room: '1' } }, false],
    ['elsewhere by another value', { nodeSelector: { zone: 'b' } }, false],
    ['elsewhere by another taint', { tolerations: [SPOT, GPU] }, false],
    ['elsewhere by another effect', { tolerations: [{ ...SPOT, effect: 'NoExecute' }] }, false],
  ])('%s', (_, spec, isPooled) => {
    expect(poolOfSpec(specOf(spec), of) !== undefined).toBe(isPooled)
    expect(ownPodKind(templateOf({ metadata, spec: specOf(spec) }), of) === undefined).toBe(isPooled)
  })

  test('is, of an image, as it says alone', () => {
    expect(podOf({ ...image, nodeSelector: { disk: 'ssd' }, tolerations: [GPU] }).spec).toMatchObject({
      nodeSelector: { disk: 'ssd' },
      tolerations: [GPU],
    })
    expect(podOf(image).spec).not.toHaveProperty('nodeSelector')
    expect(podOf(image).spec).not.toHaveProperty('tolerations')
  })

  test('cannot be on a node that its Runtime excludes', () => {
    const nodeSelector = { zone: 'b', room: '1' }
    expect(jointPlacement({ nodeSelector }, of)).toEqual({
      nodeSelector: { disk: 'ssd', zone: 'a', room: '1' },
      tolerations: [equal],
    })
    expect(placementConflict({ nodeSelector }, of, 'node')).toBe(
      'its nodeSelector asks for zone=b, and that of Runtime node for zone=a: no node has both',
    )
    expect(placementConflict({ nodeSelector: { disk: 'ssd', room: '1' } }, of, 'node')).toBeUndefined()
  })
})

describe('the pool of a function', () => {
  const poolFor = (memory: string, runtime = 'node') =>
    poolOfSpec(specOf({ runtime, resources: { limits: { memory } } }))
  test.each([
    ['64Mi', { runtime: 'node' }],
    ['256Mi', { runtime: 'node' }],
    ['384Mi', { runtime: 'node', memoryMb: 384 }],
    ['1Gi', { runtime: 'node', memoryMb: 1024 }],
    ['4096Mi', { runtime: 'node', memoryMb: 4096 }],
    ['512M', undefined],
    ['5Gi', undefined],
  ])('with %s', (memory, want) => expect(poolFor(memory)).toEqual(want))

  test('is the one that its pods are taken from', () => {
    const spec = specOf({ resources: { limits: { memory: '512Mi' } } })
    expect(poolOf(templateOf({ metadata, spec }))).toEqual(poolOfSpec(spec))
  })
})
