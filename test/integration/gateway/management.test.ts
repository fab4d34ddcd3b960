import { afterEach, expect, test } from '@jest/globals'
import { wokeUp } from '../../fakes/fake-controller.ts'
import { eventually, until } from '../../builders/eventually.ts'
import { GatewayWorld } from '../../fakes/gateway-world.ts'

let world: GatewayWorld
afterEach(() => world.stop())

test('metrics count requests, durations, wake-ups by phase, errors and replays per function', async () => {
  world = await GatewayWorld.start()
  const pod = await world.sleepingPod()
  world.controller.onActivation = () => wokeUp(pod.endpoint)
  await fetch(world.publicUrl)
  pod.faults.push('reset-after-ack')
  await fetch(world.publicUrl)
  pod.faults.push({ refuse: 'busy' })
  await fetch(world.publicUrl)
  await fetch(`http://127.0.0.1:${world.ports.internalPort}/nowhere`)
  const lines = [
    'dormouse_gateway_requests_total{function="default/hello",outcome="2xx"} 2',
    'dormouse_gateway_requests_total{function="default/hello",outcome="5xx"} 1',
    'dormouse_gateway_errors_total{function="default/hello",code="pod-died"} 1',
    'dormouse_gateway_rejected_total{code="unknown-route"} 1',
    'dormouse_gateway_request_duration_seconds_count{function="default/hello"} 3',
    'dormouse_gateway_request_duration_seconds_bucket{function="default/hello",le="+Inf"} 3',
    'dormouse_gateway_cold_start_seconds_count{function="default/hello",phase="specialize"} 1',
    'dormouse_gateway_cold_start_seconds_count{function="default/hello",phase="total"} 1',
    'dormouse_gateway_replays_total{function="default/hello",reason="busy"} 1',
    'dormouse_gateway_in_flight{function="default/hello"} 0',
    'dormouse_gateway_queued{function="default/hello"} 0',
    'dormouse_gateway_feed_connected 1',
  ]
  const text = await eventually('all of it is counted', async () => {
    const said = await (await fetch(`${world.managementUrl}/metrics`)).text()
    for (const line of lines) expect(said).toContain(`${line}\n`)
    return said
  })
  // One for the wake-up; another while the only pod was busy.
  expect(text).toMatch(/dormouse_gateway_activations_total\{function="default\/hello",outcome="endpoint"\} [12]\n/)
  expect(text).toMatch(/dormouse_gateway_billed_gb_seconds_total\{function="default\/hello"\} 0\.\d+/)
})

test.each(['header', 'trailer'] as const)('requests are billed by what the runtime reports, in a %s', async (where) => {
  world = await GatewayWorld.start()
  const report = { 'dormouse-report': 'duration=7.20,billed=8,memory=128,max-memory=60' }
  await world.pod({
    script: (_, response) => {
      response.writeHead(200, where === 'header' ? report : { trailer: 'dormouse-report' })
      response.write('a')
      if (where === 'trailer') response.addTrailers(report)
      setTimeout(() => response.end('b'), 50)
    },
  })
  expect(await (await fetch(world.publicUrl)).text()).toBe('ab')
  const text = await world.metrics()
  const [, billed] = /dormouse_gateway_billed_gb_seconds_total\{function="default\/hello"\} (\S+)/.exec(text) ?? []
  expect(Number(billed)).toBeCloseTo((0.008 * 128) / 1024, 9)
})

test('a deleted function’s series are dropped', async () => {
  world = await GatewayWorld.start()
  await world.pod()
  await fetch(world.publicUrl)
  world.controller.removeFunction('default/hello')
  await until(() => world.gateway.router.lane('default/hello') === undefined)
  expect(await world.metrics()).not.toContain('default/hello')
})

test('a function that is deleted while it wakes does not come back in the metrics', async () => {
  world = await GatewayWorld.start()
  let asked = 0
  world.controller.onActivation = () => {
    asked++
    return new Promise(() => undefined)
  }
  const answer = fetch(world.publicUrl)
  await until(() => asked > 0)
  world.controller.removeFunction('default/hello')
  expect((await answer).status).toBe(404)
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(await world.metrics()).not.toContain('default/hello')
})

test('operators see functions with revision, pods, load and routes', async () => {
  world = await GatewayWorld.start()
  const pod = await world.pod({ script: () => undefined })
  const answer = fetch(world.publicUrl).catch(() => undefined)
  await until(() => pod.running === 1)
  const url = `${world.managementUrl}/api/v1/functions`
  expect(await (await fetch(url)).json()).toMatchObject({
    functions: [{ namespace: 'default', name: 'hello', revision: 'r1', readyPods: 1, inFlight: 1, queued: 0 }],
  })
  expect(await (await fetch(`${url}/default/hello`)).json()).toMatchObject({
    pods: [{ name: pod.id, state: 'serving', inFlight: 1 }],
    routes: [{ path: '/' }],
  })
  const missing = await fetch(`${url}/default/none`)
  expect([missing.status, ((await missing.json()) as { code: string }).code]).toEqual([404, 'unknown-function'])
  await world.stop()
  await answer
})
