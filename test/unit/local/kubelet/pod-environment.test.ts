import { expect, test } from '@jest/globals'
import { hostVariables, podEnvironment } from '../../../../local/kubelet/pod-environment.ts'
import { imageCommand } from '../../../../local/kubelet/images.ts'
import { terminatedStatus } from '../../../../local/kubelet/pod-status.ts'
import type { Pod } from '../../../../kube/objects.ts'

const pod = {
  metadata: { name: 'p', namespace: 'n', uid: 'u' },
  spec: { containers: [{ name: 'main', image: 'i' }] },
} as Pod

test('of the host only paths, language, proxies and certificate authorities are handed on', () => {
  const host = {
    PATH: '/bin',
    AWS_SECRET_ACCESS_KEY: 'x',
    NODE_OPTIONS: '--inspect',
    https_proxy: 'p',
    LANG: undefined,
  }
  expect(hostVariables(host)).toEqual({ PATH: '/bin', https_proxy: 'p' })
})

test('a pod cannot choose ports or address: they are the machine’s', () => {
  const env = [{ name: 'DORMOUSE_CONTROL_PORT', value: '8079' }]
  expect(podEnvironment(pod, { name: 'main', image: 'i', env })).toMatchObject({
    DORMOUSE_CONTROL_PORT: '0',
    DORMOUSE_DATA_PORT: '0',
    DORMOUSE_LISTEN_HOST: '127.0.0.1',
  })
})

test('an unknown field reference is refused with a sentence', () => {
  const env = [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }]
  expect(() => podEnvironment(pod, { name: 'main', image: 'i', env })).toThrow(
    'env A: fieldPath "spec.nodeName" is not known',
  )
})

test('an unknown image is refused with what is known', () => {
  expect(() => imageCommand(new Map([['local/node', ['node']]]), 'busybox')).toThrow('(known: local/node)')
})

test.each([
  [{ code: 0, signal: null }, 'Succeeded', { exitCode: 0, reason: 'Completed' }],
  [{ code: 3, signal: null }, 'Failed', { exitCode: 3, reason: 'Error', message: 'why' }],
  [{ code: null, signal: 'SIGKILL' as const }, 'Failed', { exitCode: 137, signal: 9, reason: 'Error', message: 'why' }],
])('an exit of %j becomes a status', (exit, phase, terminated) => {
  const status = terminatedStatus(pod, exit, 'why')
  expect(status.phase).toBe(phase)
  expect(status.containerStatuses?.[0]?.state?.terminated).toEqual(terminated)
})
