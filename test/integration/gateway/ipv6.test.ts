import { afterEach, expect, test } from '@jest/globals'
import type { ApiGatewayEvent } from '../../../gateway/api-gateway/event.ts'
import { describeWithIpv6 } from '../../builders/ipv6.ts'
import { wokeUp } from '../../fakes/fake-controller.ts'
import { GatewayWorld } from '../../fakes/gateway-world.ts'

let world: GatewayWorld
afterEach(() => world.stop())

describeWithIpv6('a gateway that listens on every address', () => {
  test('answers on IPv6 at all three listeners', async () => {
    world = await GatewayWorld.start({ onEveryAddress: true })
    await world.pod()
    const { publicPort, internalPort, managementPort } = world.ports
    const paths = [`${publicPort}/`, `${internalPort}/fn/default/hello`, `${managementPort}/readyz`]
    const statuses = paths.map(async (path) => (await fetch(`http://[::1]:${path}`)).status)
    expect(await Promise.all(statuses)).toEqual([200, 200, 200])
  })

  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['[::1]', '::1'],
  ])('calls pods on IPv6, and knows a client of %s as %s', async (host, sourceIp) => {
    world = await GatewayWorld.start({ onEveryAddress: true, fn: { signature: 'event' } })
    const pod = await world.pod({ host: '::1' })
    await fetch(`http://${host}:${world.ports.publicPort}/`)
    const event = JSON.parse(pod.seen[0]!.body.toString()) as ApiGatewayEvent
    expect(event.requestContext.http.sourceIp).toBe(sourceIp)
    expect(event.headers['x-forwarded-for']).toBe(sourceIp)
  })

  test('wakes a function whose pod is on IPv6', async () => {
    world = await GatewayWorld.start({ onEveryAddress: true })
    const pod = await world.sleepingPod({ host: '::1' })
    world.controller.onActivation = () => wokeUp(pod.endpoint)
    expect((await fetch(`http://[::1]:${world.ports.publicPort}/`)).status).toBe(200)
    expect(pod.executed).toBe(1)
  })
})
