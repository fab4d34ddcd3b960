import { describe, expect, test } from '@jest/globals'
import type { Pod } from '../../../../kube/objects.ts'
import {
  claimedContact,
  contactText,
  hostPort,
  normalAddress,
  podEnd,
  reportedContact,
} from '../../../../controller/fleet/pod-status.ts'

type Status = NonNullable<Pod['status']>
const pod = (status: Status, annotations?: Record<string, string>): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'p',
    namespace: 'a',
    uid: 'u',
    resourceVersion: '1',
    creationTimestamp: '',
    ...(annotations && { annotations }),
  },
  spec: { containers: [] },
  status,
})
const ended = (
  terminated: { exitCode: number; signal?: number; reason?: string; message?: string },
  restartCount = 0,
) => pod({ phase: 'Failed', containerStatuses: [{ name: 'c', ready: false, restartCount, state: { terminated } }] })

interface Terminated {
  exitCode: number
}
/** The kubelet lists containers by name, also those that an admission webhook added. */
const withProxy = (ours?: Terminated, proxy?: Terminated) => {
  const state = (terminated?: Terminated) => ({
    ready: true,
    restartCount: 0,
    ...(terminated && { state: { terminated } }),
  })
  const containerStatuses = [
    { name: 'a-proxy', ...state(proxy) },
    { name: 'runtime', ...state(ours) },
  ]
  return pod({ phase: 'Running', containerStatuses })
}

describe('podEnd', () => {
  const cases: [string, Pod, string | undefined, string][] = [
    ['an exit code', ended({ exitCode: 3 }), 'exited', 'code 3'],
    ['a signal', ended({ exitCode: 137, signal: 9 }), 'signalled', 'signal 9'],
    ['a signal told by the exit code only', ended({ exitCode: 139 }), 'signalled', 'signal 11'],
    [
      'an uncaught exception in Runtime node',
      ended({ exitCode: 129 }),
      'exited',
      'code 129 (of Runtime node: an uncaught',
    ],
    ['an unhandled rejection there', ended({ exitCode: 128 }), 'exited', 'code 128 (of Runtime node: an unhandled'],
    ['a hang-up', ended({ exitCode: 129, signal: 1 }), 'signalled', 'signal 1'],
    ['too much memory', ended({ exitCode: 137, reason: 'OOMKilled' }), 'oom-killed', 'memory'],
    [
      'a container that could not start',
      ended({ exitCode: 128, reason: 'StartError', message: 'no such image' }),
      'exited',
      'no such image',
    ],
    ['a restart', ended({ exitCode: 0 }, 1), 'restarted', 'restarted'],
    ['an eviction', pod({ phase: 'Failed', reason: 'Evicted', message: 'disk' }), 'evicted', 'disk'],
    ['success', pod({ phase: 'Succeeded' }), 'exited', 'Succeeded'],
    ['its own container, not one that was added', withProxy({ exitCode: 3 }), 'exited', 'code 3'],
    ['nothing of one that was added', withProxy(undefined, { exitCode: 1 }), undefined, ''],
    ['nothing while it runs', pod({ phase: 'Running' }), undefined, ''],
  ]
  test.each(cases)('tells %s', (...[, given, reason, part]) => {
    const end = podEnd(given)
    expect(end?.reason).toBe(reason)
    if (end) expect(end.message).toContain(part)
  })
})

describe('reportedContact', () => {
  const ready: Status = { phase: 'Running', podIP: '10.0.0.1', conditions: [{ type: 'Ready', status: 'True' }] }

  test('is where the kubelet says, on the ports of the annotation or the defaults', () => {
    const contact = { host: '10.0.0.1', controlPort: 8079, dataPort: 8080, isReady: true }
    expect(reportedContact(pod(ready))).toEqual(contact)
    expect(reportedContact(pod(ready, { 'dormouse.dev/ports': '{"control":1,"data":2}' }))).toMatchObject({
      controlPort: 1,
    })
    expect(reportedContact(pod(ready, { 'dormouse.dev/ports': 'broken' }))).toMatchObject({ controlPort: 8079 })
  })

  const running: Status = { ...ready, conditions: [{ type: 'Ready', status: 'False' }] }
  const withPorts = (status: Status): Pod => {
    const containers = [{ name: 'runtime', image: 'node', ports: [{ name: 'control', containerPort: 8079 }] }]
    return { ...pod(status), spec: { containers } }
  }

  test('is nothing before it runs', () => {
    expect(reportedContact(withPorts({ ...ready, phase: 'Pending' }))).toBeUndefined()
  })

  test('is known when it runs, before it is ready: it may answer already', () => {
    expect(reportedContact(withPorts(running))).toMatchObject({ host: '10.0.0.1', controlPort: 8079, isReady: false })
  })

  test('is not known of a pod that chooses its ports before it says which', () => {
    expect(reportedContact(pod(running))).toBeUndefined()
    expect(reportedContact(pod(running, { 'dormouse.dev/ports': '{"control":1,"data":2}' }))).toMatchObject({
      controlPort: 1,
    })
  })
})

describe('claimedContact', () => {
  const annotated = (text: string) => claimedContact(pod({}, { 'dormouse.dev/contact': text }))

  test('is what the controller that claimed it wrote down', () => {
    for (const contact of [
      { host: '10.0.0.1', controlPort: 8079, dataPort: 8080 },
      { host: 'fd00::1', controlPort: 1, dataPort: 2 },
    ])
      expect(annotated(contactText(contact))).toEqual(contact)
  })

  test('is nothing when it says something else', () => {
    expect(annotated('10.0.0.1')).toBeUndefined()
    expect(annotated('')).toBeUndefined()
    expect(claimedContact(pod({}))).toBeUndefined()
  })
})

test('addresses compare however they are written', () => {
  expect(normalAddress('::FFFF:10.0.0.1')).toBe('10.0.0.1')
  expect(normalAddress('[::1]')).toBe('::1')
  expect(normalAddress('FD00:0:0::0a1')).toBe('fd00::a1')
  expect(normalAddress('fe80::1%eth0')).toBe('fe80::1%eth0')
  expect(hostPort('fd00::1', 80)).toBe('[fd00::1]:80')
  expect(hostPort('10.0.0.1', 80)).toBe('10.0.0.1:80')
})
