import { createServer, type AddressInfo } from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import { createGateway } from '../../../gateway/gateway.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { FakeController } from '../../fakes/fake-controller.ts'
import { until } from '../../builders/eventually.ts'
import { GatewayWorld } from '../../fakes/gateway-world.ts'
import { RawClient } from '../../fakes/raw-client.ts'
import { feedFunction } from '../../builders/feed.ts'

let world: GatewayWorld | undefined
afterEach(async () => {
  await world?.stop()
  world = undefined
})

test('draining lets what runs finish, closes its connection, and takes nothing new', async () => {
  world = await GatewayWorld.start()
  let finish: () => void = () => undefined
  const pod = await world.pod({ script: (_request, response) => (finish = () => response.end('done')) })
  const client = await RawClient.open(world.ports.publicPort)
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await until(() => pod.running === 1)
  const { publicUrl, managementUrl } = world
  const stopped = world.stop(5_000)
  await expect(fetch(publicUrl)).rejects.toThrow()
  const ready = await fetch(`${managementUrl}/readyz`)
  expect([ready.status, await ready.text()]).toEqual([503, 'draining\n'])
  finish()
  await client.expect(/connection: close[^]*done/i)
  await stopped
  expect(pod.aborted).toBe(0)
})

test('what does not finish within the grace is cut', async () => {
  world = await GatewayWorld.start({ fn: { timeoutMs: 60_000 } })
  const pod = await world.pod({ script: () => undefined })
  const answer = fetch(world.publicUrl).catch(() => 'cut')
  await until(() => pod.running === 1)
  const startedAt = performance.now()
  await world.stop(100)
  expect(await answer).toBe('cut')
  expect(performance.now() - startedAt).toBeLessThan(10_000)
})

test('it is ready once a first snapshot is in, and stays so when the feed is cut', async () => {
  const controller = new FakeController()
  await controller.listen()
  await controller.stop()
  world = new GatewayWorld(controller, {})
  world.ports = await world.gateway.start()
  const ready = async () => (await fetch(`${world!.managementUrl}/readyz`)).status
  expect(await ready()).toBe(503)
  expect((await fetch(`${world.managementUrl}/healthz`)).status).toBe(200)
  await controller.listen()
  await until(() => world!.gateway.router.feed.ready)
  expect(await ready()).toBe(200)
  await controller.stop()
  await until(() => !world!.gateway.router.feed.connected)
  expect(await ready()).toBe(200)
})

test('a feed that goes silent, says nonsense, or ends is taken anew; the old snapshot serves meanwhile', async () => {
  world = await GatewayWorld.start({ routing: { feedSilenceMs: 200 } })
  await world.pod()
  const { controller } = world
  const reconnects = async (provoke: () => void) => {
    const before = controller.feedsOpened
    provoke()
    expect((await fetch(world!.publicUrl)).status).toBe(200)
    await until(() => controller.feedsOpened > before && world!.gateway.router.feed.connected)
  }
  await reconnects(() => undefined)
  await reconnects(() => controller.writeRaw('{"type":"snapshot"}\n'))
  await reconnects(() => controller.writeRaw('not json\n'))
  await reconnects(() =>
    controller.writeRaw(
      '{"type":"change","version":0,"functions":[],"removedFunctions":[],"endpoints":[],"removedEndpoints":[]}\n',
    ),
  )
  await reconnects(() => controller.cutFeeds())
})

test('heartbeats keep the feed', async () => {
  world = await GatewayWorld.start({ routing: { feedSilenceMs: 1_500 } })
  const before = world.controller.feedsOpened
  for (let i = 0; i < 20; i++) {
    world.controller.heartbeat()
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  expect(world.controller.feedsOpened).toBe(before)
})

test('a new epoch replaces everything', async () => {
  world = await GatewayWorld.start()
  const { controller } = world
  controller.removeFunction('default/hello')
  controller.cutFeeds()
  controller.epoch = 'another-controller'
  controller.version = 1
  controller.setFunctions(feedFunction({ key: 'default/other' }))
  await until(() => world!.gateway.router.snapshot.epoch === 'another-controller')
  expect([...world.gateway.router.snapshot.functions.keys()]).toEqual(['default/other'])
  expect((await fetch(world.functionUrl)).status).toBe(404)
})

test('every replica hears once a second what runs and waits', async () => {
  const second = await FakeController.start()
  world = await GatewayWorld.start({
    moreControllers: [second],
    routing: { loadIntervalMs: 50 },
    fn: { concurrency: 1 },
  })
  let finish: () => void = () => undefined
  const pod = await world.pod({ script: (_request, response) => (finish = () => response.end()) })
  const answers = [fetch(world.publicUrl), fetch(world.publicUrl)]
  const busy = ({ reports }: FakeController) => reports.at(-1)?.functions[0]
  await until(() => busy(world!.controller)?.inFlight === 1 && busy(second)?.queued === 1)
  expect(busy(second)).toMatchObject({ key: 'default/hello', idleMs: 0, endpoints: { [pod.id]: 1 } })
  expect(world.controller.reports.at(-1)).toMatchObject({ reporter: 'gateway-under-test' })
  finish()
  await Promise.race(answers)
  await until(() => pod.seen.length === 2)
  finish()
  await Promise.all(answers)
  await until(() => (busy(second)?.idleMs ?? 0) > 0)
  expect(busy(second)).toMatchObject({ inFlight: 0, queued: 0, endpoints: {} })
})

test('a port in use is one sentence', async () => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as AddressInfo
  const gateway = createGateway({
    controllerUrls: ['http://127.0.0.1:1'],
    token: () => 'x',
    reporter: 'x',
    logger: silentLogger,
    host: '127.0.0.1',
    ports: { public: port, internal: 0, management: 0 },
  })
  await expect(gateway.start()).rejects.toThrow(`port ${port} for gateway (public) is in use`)
  await gateway.stop({ graceMs: 0 })
  await new Promise((resolve) => taken.close(resolve))
})
