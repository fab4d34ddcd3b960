import { describe, expect, test } from '@jest/globals'
import { LABEL } from '../../../../api/names.ts'
import type { Runtime } from '../../../../api/runtime.ts'
import type { PodSettings } from '../../../../controller/fleet/pod-container.ts'
import { claimPatch, genericPod, graceSeconds, podName, templateHash } from '../../../../controller/fleet/resources.ts'

const runtime = (spec: Partial<Runtime['spec']> = {}): Runtime => ({
  apiVersion: 'dormouse.dev/v1alpha1',
  kind: 'Runtime',
  metadata: { name: 'node', uid: 'ru', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: { image: 'example/node', pool: { size: 3 }, ...spec },
})
const settings: PodSettings = {
  phoneHomeUrl: 'http://controller:8083/v1/pods',
  publicKey: 'pk',
  initTimeoutMs: 10_000,
  ports: { control: 8079, data: 8080 },
}
const pod = (overrides: Partial<typeof settings> = {}, spec: Partial<Runtime['spec']> = {}) =>
  genericPod({
    runtime: runtime(spec),
    namespace: 'a',
    name: 'node-x',
    phoneHomeToken: 'token',
    settings: { ...settings, ...overrides },
  })

describe('genericPod', () => {
  test('belongs to its Runtime as controller and says so in its labels', () => {
    const { metadata } = pod()
    expect(metadata.ownerReferences).toEqual([
      expect.objectContaining({ kind: 'Runtime', name: 'node', uid: 'ru', controller: true }),
    ])
    expect(metadata.labels).toMatchObject({ [LABEL.state]: 'generic', [LABEL.runtime]: 'node' })
  })

  test('tells kubectl which container is meant, and keeps no node from being removed', () => {
    expect(pod().metadata.annotations).toEqual({
      'kubectl.kubernetes.io/default-container': 'runtime',
      'cluster-autoscaler.kubernetes.io/safe-to-evict': 'true',
    })
  })

  test('meets the restricted pod security standard and starts without what costs time', () => {
    const { spec } = pod()
    expect(spec).toMatchObject({
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      shareProcessNamespace: true,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    })
    expect(spec.containers[0]).toMatchObject({
      securityContext: {
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
      },
      resources: { requests: { 'ephemeral-storage': '0' }, limits: { 'ephemeral-storage': '512Mi' } },
    })
    // A kubelet takes 300 ms longer for a pod with a volume.
    expect(spec.volumes).toBeUndefined()
  })

  test('of a large pool is born with its memory, a heap of 85 % of it, and sets no more aside than others', () => {
    const input = { runtime: runtime(), namespace: 'a', name: 'node-x', phoneHomeToken: 'token', settings }
    const { metadata, spec } = genericPod({ ...input, memoryMb: 1024 })
    expect(metadata.labels).toMatchObject({ [LABEL.state]: 'generic', [LABEL.memory]: '1024' })
    const [container] = spec.containers
    expect(container?.resources).toMatchObject({ requests: { memory: '64Mi' }, limits: { memory: '1024Mi', cpu: '1' } })
    expect(container?.env).toContainEqual({ name: 'NODE_OPTIONS', value: '--max-old-space-size=870' })
    expect(pod().metadata.labels).not.toHaveProperty([LABEL.memory])
  })

  test('has a read-only root and a volume where that is asked for', () => {
    const { spec } = pod({ readOnlyRoot: true })
    expect(spec.volumes).toEqual([{ name: 'tmp', emptyDir: { sizeLimit: '512Mi' } }])
    expect(spec.containers[0]).toMatchObject({
      securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
      volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
    })
    expect(spec.containers[0]?.resources?.limits).not.toHaveProperty('ephemeral-storage')
  })

  test('gives the runtime what the contract names', () => {
    const names = pod().spec.containers[0]?.env?.map(({ name }) => name)
    for (const name of [
      'CONTROL_PORT',
      'DATA_PORT',
      'POD_NAMESPACE',
      'POD_NAME',
      'POD_UID',
      'POD_IP',
      'PUBLIC_KEY',
      'PHONE_HOME_URL',
      'PHONE_HOME_TOKEN',
    ])
      expect(names).toContain(`DORMOUSE_${name}`)
  })

  test('names ports and a probe only when the ports are known beforehand', () => {
    expect(pod().spec.containers[0]).toHaveProperty('startupProbe')
    expect(pod({ ports: { control: 0, data: 0 } }).spec.containers[0]).not.toHaveProperty('startupProbe')
  })
})

describe('templateHash', () => {
  const hash = (spec: Partial<Runtime['spec']>, overrides: Partial<typeof settings> = {}) =>
    templateHash(runtime(spec), { ...settings, ...overrides })

  test('changes with image, command and key', () => {
    const all = [
      hash({}),
      hash({ image: 'other' }),
      hash({ command: ['x'] }),
      hash({}, { publicKey: 'other' }),
      hash({}, { readOnlyRoot: true }),
    ]
    expect(new Set(all).size).toBe(all.length)
  })

  test('changes with where pods run, and not with the order in which that is written', () => {
    const toleration = { key: 'a', operator: 'Exists' as const }
    const all = [hash({}), hash({ nodeSelector: { a: 'b' } }), hash({ tolerations: [toleration] })]
    expect(new Set(all).size).toBe(all.length)
    expect(hash({ nodeSelector: { a: 'b', c: 'd' } })).toBe(hash({ nodeSelector: { c: 'd', a: 'b' } }))
  })

  test('is what it was before Runtimes had a place, where they have none', () => {
    expect(hash({})).toBe('1b6049fad73c3324')
    expect(hash({ nodeSelector: {}, tolerations: [] })).toBe(hash({}))
  })

  test('does not change with the pool size', () => expect(hash({ pool: { size: 9 } })).toBe(hash({})))
})

test('a claimed pod gets its function as only owner, its revision, and when it was claimed', () => {
  const patch = claimPatch({
    function: { namespace: 'a', name: 'b', uid: 'fu' },
    revision: 'r1',
    claimedAtMs: Date.parse('2026-01-01T00:00:00.123Z'),
    acknowledges: true,
  })
  expect(patch).toMatchObject({
    metadata: {
      labels: { [LABEL.state]: 'claimed', [LABEL.function]: 'b', [LABEL.revision]: 'r1' },
      annotations: { 'dormouse.dev/claimed-at': '2026-01-01T00:00:00.123Z' },
      ownerReferences: [expect.objectContaining({ kind: 'Function', uid: 'fu' })],
    },
  })
})

test('before the Function is known, what a pod is labelled with leaves it to its Runtime', () => {
  const ref = { namespace: 'a', name: 'b', uid: '' }
  const patch = claimPatch({ function: ref, revision: 'r1', claimedAtMs: 0, acknowledges: true })
  expect(patch).toMatchObject({ metadata: { labels: { [LABEL.function]: 'b' } } })
  expect(patch['metadata']).not.toHaveProperty('ownerReferences')
})

test('a pod has its function’s timeout and 5 s to end', () => {
  expect(graceSeconds(30_000)).toBe(35)
  expect(graceSeconds(1_500)).toBe(7)
  expect(graceSeconds(undefined)).toBe(65)
})

test('pod names are valid and fit, however long the runtime’s name', () => {
  const name = podName('r'.repeat(60), new Uint8Array([0, 1, 2, 250, 251, 252, 253, 254]))
  expect(name).toMatch(/^[a-z0-9-]{1,63}$/)
  expect(name).toHaveLength(59)
})
