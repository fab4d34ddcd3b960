import { describe, expect, test } from '@jest/globals'
import { PodStartError } from '../../../../controller/fleet/fleet.ts'
import { createRefusal, notCreated, podTrouble, resizeRefusal } from '../../../../controller/fleet/pod-trouble.ts'
import { ClusterError } from '../../../../kube/errors.ts'
import type { Pod } from '../../../../kube/objects.ts'

const pod = (status: NonNullable<Pod['status']>): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'a', uid: 'u', resourceVersion: '1', creationTimestamp: '' },
  spec: { containers: [{ name: 'runtime', image: 'example/node:1' }] },
  status,
})
const waiting = (reason: string, message = 'why.') =>
  pod({
    containerStatuses: [{ name: 'runtime', ready: false, restartCount: 0, state: { waiting: { reason, message } } }],
  })
const condition = (type: string, reason: string, status: 'True' | 'False' = 'False') =>
  pod({ conditions: [{ type, status, reason, message: '0/1 nodes are available.' }] })
const unscheduled = (message: string, nodeSelector?: Record<string, string>): Pod => {
  const conditions = [{ type: 'PodScheduled', status: 'False' as const, reason: 'Unschedulable', message }]
  const waits = pod({ conditions })
  return { ...waits, spec: { ...waits.spec, nodeSelector } }
}

describe('a pod on its way up', () => {
  const cases: [string, Pod, object | undefined][] = [
    [
      'whose image cannot be pulled cannot run',
      waiting('ErrImagePull'),
      { kind: 'cannot-run', message: 'its image example/node:1 cannot be pulled: why' },
    ],
    ['whose image was tried again and again cannot run', waiting('ImagePullBackOff'), { kind: 'cannot-run' }],
    [
      'whose secret is missing cannot run',
      waiting('CreateContainerConfigError', 'secret "x" not found'),
      { kind: 'cannot-run', message: 'its container cannot be configured: secret "x" not found' },
    ],
    ['that cannot be started cannot run', waiting('RunContainerError'), { kind: 'cannot-run' }],
    [
      'that no node has room for may yet come',
      condition('PodScheduled', 'Unschedulable'),
      { kind: 'stuck', message: 'no node has room for it: 0/1 nodes are available' },
    ],
    [
      'for which no node has the labels may yet come, and says which',
      unscheduled("1 node(s) didn't match Pod's node affinity/selector.", {
        disk: 'ssd',
        'kubernetes.io/arch': 'arm64',
      }),
      {
        kind: 'stuck',
        message:
          "no node with disk=ssd, kubernetes.io/arch=arm64 has room for it: 1 node(s) didn't match Pod's node affinity/selector",
      },
    ],
    [
      'that tolerates no node’s taints may yet come, and says so',
      unscheduled('1 node(s) had untolerated taint {dedicated: gpu}.'),
      {
        kind: 'stuck',
        message: 'no node whose taints it tolerates has room for it: 1 node(s) had untolerated taint {dedicated: gpu}',
      },
    ],
    ['that is being made has no trouble', waiting('ContainerCreating', ''), undefined],
    ['of which nothing is known has no trouble', pod({}), undefined],
    ['that is scheduled has no trouble', condition('PodScheduled', '', 'True'), undefined],
  ]
  test.each(cases)('%s', (_, input, want) => {
    if (want === undefined) expect(podTrouble(input)).toBeUndefined()
    else expect(podTrouble(input)).toMatchObject(want)
  })
})

describe('a pod to which a webhook added containers', () => {
  const injected = (reason: string, what: 'initContainerStatuses' | 'containerStatuses'): Pod => {
    const others = [{ name: 'a-proxy', ready: false, restartCount: 0, state: { waiting: { reason, message: 'no.' } } }]
    const ours = { name: 'runtime', ready: false, restartCount: 0, state: { waiting: { reason: 'PodInitializing' } } }
    const given = pod({ ...{ containerStatuses: [ours], initContainerStatuses: [] }, [what]: [...others, ours] })
    const proxy = { name: 'a-proxy', image: 'mesh:1' }
    given.spec.containers.unshift(proxy)
    given.spec.initContainers = [proxy]
    return given
  }
  test('cannot run without them', () => {
    const message = 'the image mesh:1 of its container a-proxy cannot be pulled: no'
    for (const what of ['initContainerStatuses', 'containerStatuses'] as const)
      expect(podTrouble(injected('ErrImagePull', what))).toEqual({ kind: 'cannot-run', message })
    expect(podTrouble(injected('CreateContainerConfigError', 'containerStatuses'))?.message).toBe(
      'its container a-proxy cannot be configured: no',
    )
    expect(podTrouble(injected('ContainerCreating', 'containerStatuses'))).toBeUndefined()
  })
})

describe('why the API refused a pod is said in one clause', () => {
  const cases: [string, string, object][] = [
    [
      'quota',
      'pods "x" is forbidden: exceeded quota: few, requested: pods=1, used: pods=3, limited: pods=3',
      {
        ending: false,
        message: 'quota few of the namespace is used up: it asks for pods=1, pods=3 are used, of pods=3',
      },
    ],
    [
      'service account',
      'pods "x" is forbidden: error looking up service account a/robot: serviceaccount "robot" not found',
      { message: 'service account robot does not exist in the namespace' },
    ],
    [
      'pod security',
      'pods "x" is forbidden: violates PodSecurity "restricted:latest": seccompProfile (…)',
      { message: "the namespace's pod security level (restricted:latest) does not admit it: seccompProfile (…)" },
    ],
    [
      'a namespace on its way out',
      'pods "x" is forbidden: unable to create new content in namespace a because it is being terminated',
      { ending: true, message: 'the namespace is being deleted' },
    ],
    ['anything else', 'connect ECONNREFUSED', { ending: false, message: 'connect ECONNREFUSED' }],
  ]
  test.each(cases)('%s', (_, text, want) =>
    expect(createRefusal(new ClusterError('Forbidden', text))).toMatchObject(want),
  )
})

test('a resize that has to wait is not refused, one that can never be done is', () => {
  expect(resizeRefusal(condition('PodResizePending', 'Deferred', 'True'))).toBeUndefined()
  expect(resizeRefusal(condition('PodResizePending', 'Infeasible', 'True'))).toBe(
    'its node cannot: 0/1 nodes are available',
  )
})

test('only that a namespace is going is a failure that nobody need be told of', () => {
  const ending = 'pods "x" is forbidden: unable to create new content in namespace a because it is being terminated'
  expect(PodStartError.isExpected(notCreated(new ClusterError('Forbidden', ending)))).toBe(true)
  expect(PodStartError.isExpected(notCreated(new ClusterError('NotFound', 'namespaces "a" not found')))).toBe(true)
  expect(PodStartError.isExpected(notCreated(new ClusterError('Forbidden', 'exceeded quota: few')))).toBe(false)
  expect(PodStartError.isExpected(notCreated(new ClusterError('NotFound', 'runtimes "node" not found')))).toBe(false)
})
