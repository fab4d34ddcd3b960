import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { generateKeyPairSync, sign } from 'node:crypto'
import { HEADER } from '../../../api/names.ts'
import type { ControllerProcess } from './controller-bed.ts'
import { until } from '../../builders/eventually.ts'
import { activate, ControllerBed, endpointOf, metricOf } from './controller-bed.ts'

describe('calling home', () => {
  let bed: ControllerBed
  let process: ControllerProcess
  beforeEach(async () => {
    bed = await new ControllerBed().start({ poolSize: 2 })
    process = await bed.controller()
    await bed.function('hello')
    await until(() => bed.kubelet.running().filter(({ runtime }) => runtime.calls[0] === 204).length === 2)
  })
  afterEach(() => bed.stop())

  test('is refused without the pod’s own token: none, nonsense, another pod’s', async () => {
    const [a, b] = bed.kubelet.running()
    expect(await a!.runtime.callHome({ token: 'nonsense' })).toBe(401)
    const { name, namespace, uid } = b!.pod.metadata
    expect(await a!.runtime.callHome({ message: { name, namespace, uid } })).toBe(401)
    const response = await fetch(`${process.url}/v1/pods`, { method: 'POST', body: '{}' })
    expect(response.status).toBe(401)
  })

  test('is refused from another address than it names, and for the uid of another pod', async () => {
    const [a, b] = bed.kubelet.running()
    expect(await a!.runtime.callHome({ message: { address: '10.1.2.3' } })).toBe(403)
    expect(await a!.runtime.callHome({ message: { uid: b!.pod.metadata.uid } })).toBe(403)
    expect(await metricOf(process, 'dormouse_controller_phone_home_refused_total')).toBe(2)
  })

  test('is refused with a body that is too large or not the message', async () => {
    const [a] = bed.kubelet.running()
    expect(await a!.runtime.callHome({ message: { uid: 'x'.repeat(5_000) } })).toBe(413)
    expect(await a!.runtime.callHome({ message: { controlPort: 'eighty' } })).toBe(400)
  })

  test('a second time changes nothing for a pod that serves', async () => {
    const endpoint = endpointOf(await activate(process, 'hello'))
    const pod = bed.kubelet.pods.get(endpoint.pod)
    expect(await pod?.runtime.callHome()).toBe(204)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect((await bed.pods()).some(({ metadata }) => metadata.uid === endpoint.id)).toBe(true)
  })

  test('a second time by a pod that has forgotten its function ends it', async () => {
    const endpoint = endpointOf(await activate(process, 'hello'))
    const pod = bed.kubelet.pods.get(endpoint.pod)
    pod?.runtime.restart()
    expect(await pod?.runtime.callHome()).toBe(204)
    await until(async () => (await bed.pods()).every(({ metadata }) => metadata.uid !== endpoint.id))
  })

  test('a specialization that the controller did not sign leaves the pod generic', async () => {
    const [a] = bed.kubelet.running()
    const { uid } = a!.pod.metadata
    const body = JSON.stringify({ podUid: uid, expiresAt: Date.now() + 60_000, files: {} })
    const signature = sign(null, Buffer.from(body), generateKeyPairSync('ed25519').privateKey).toString('base64')
    const response = await fetch(`http://127.0.0.1:${a!.runtime.ports.control}/specialize`, {
      method: 'POST',
      headers: { [HEADER.signature]: signature },
      body,
    })
    expect(response.status).toBe(403)
    expect(a!.runtime.state).toBe('generic')
    expect(await activate(process, 'hello')).toMatchObject({ outcome: 'endpoint', source: 'pool' })
  })
})
