import { afterEach, expect, test } from '@jest/globals'
import { statusAt } from '../../builders/status-at.ts'
import { until } from '../../builders/eventually.ts'
import { feedFunction, feedRoute } from '../../builders/feed.ts'
import { GatewayWorld } from '../../fakes/gateway-world.ts'

let world: GatewayWorld
afterEach(() => world.stop())

test('an http Trigger reaches a warm function on the public listener', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod()
  const answer = await fetch(`${world.publicUrl}/a/b?c=d`, { headers: { 'x-own': 'yes' } })
  expect(answer.status).toBe(200)
  expect(await answer.json()).toEqual({ ok: true })
  expect(answer.headers.get('dormouse-request-id')).toMatch(/.+/)
  expect(pod.seen[0]).toMatchObject({ method: 'GET', url: '/a/b?c=d', headers: { 'x-own': 'yes' } })
})

test('every function is reachable on the internal listener by path and by Host', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod()
  expect((await fetch(`${world.functionUrl}/rest/x?y=1`)).status).toBe(200)
  expect((await fetch(world.functionUrl)).status).toBe(200)
  expect((await fetch(`${world.functionUrl}?q=1`)).status).toBe(200)
  expect(pod.seen.map(({ url }) => url)).toEqual(['/rest/x?y=1', '/', '/?q=1'])
})

test('the public listener serves declared routes only', async () => {
  world = await GatewayWorld.start()
  await world.pod()
  await world.setRoutes()
  const answer = await fetch(`${world.publicUrl}/fn/default/hello`)
  expect(answer.status).toBe(404)
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
  expect(await answer.json()).toMatchObject({ code: 'unknown-route', status: 404 })
})

test('what becomes known a moment after it is asked for is served: a function, a route, a Host', async () => {
  world = await GatewayWorld.start()
  const { controller, gateway } = world
  const { endpoint } = await world.pod()
  controller.setRoutes()
  controller.removeFunction('default/hello')
  await until(() => gateway.router.snapshot.functions.size === 0)
  const calls = [
    statusAt(world.functionUrl),
    statusAt(`${world.publicUrl}/a`),
    statusAt(`${world.internalUrl}/a`, 'hello.default.svc'),
  ]
  await new Promise((resolve) => setTimeout(resolve, 50))
  controller.setFunctions(feedFunction())
  controller.addEndpoints(endpoint)
  controller.setRoutes(feedRoute())
  expect(await Promise.all(calls)).toEqual([200, 200, 200])
})
