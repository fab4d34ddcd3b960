/** What the dispatcher counts of its calls, by function. */
import { afterEach, expect, test } from '@jest/globals'
import { CallTallies } from '../../../dispatcher/call-tallies.ts'
import { DispatcherBed, type DispatcherBedOptions } from '../../builders/dispatcher-bed.ts'
import { until } from '../../builders/eventually.ts'
import { feedSubscription } from '../../builders/feed.ts'
import { wokeUp } from '../../fakes/fake-controller.ts'
import { FakePod, type PodScript } from '../../fakes/fake-pod.ts'

let bed: DispatcherBed
afterEach(() => bed.stop())

const start = async (options: DispatcherBedOptions = {}) => (bed = await DispatcherBed.start(options))
const number = async (line: string) => Number((await bed.metric(line))[0]?.split(' ').at(-1))
const OF_HELLO = '{function="default/hello"'
const calls = () => number(`call_duration_seconds_count${OF_HELLO}`)

/** Takes its time, and reports a part of it. */
const reporting =
  (report: string, tookMs: number): PodScript =>
  (_, response) =>
    void setTimeout(() => response.writeHead(200, { 'dormouse-report': report }).end('"ok"'), tookMs)

test('calls are billed by what the runtime reports', async () => {
  await start({ fn: { memoryMb: 512 } })
  await bed.pod({ script: reporting('duration=7.20,billed=8,memory=512,max-memory=60', 60) })
  await bed.follow(feedSubscription())
  await bed.send({ value: '1' }, { value: '2' })
  await until(async () => (await calls()) === 2)
  expect(await number(`billed_gb_seconds_total${OF_HELLO}`)).toBeCloseTo((2 * 0.008 * 512) / 1024, 9)
  expect(await number(`call_duration_seconds_sum${OF_HELLO}`)).toBeGreaterThan(0.1)
})

test('a report of more than the call took is not believed', async () => {
  await start({ fn: { memoryMb: 1024 } })
  await bed.pod({ script: reporting('billed=900000', 5) })
  await bed.follow(feedSubscription())
  await bed.send({ value: '1' })
  await until(async () => (await calls()) === 1)
  expect(await number(`billed_gb_seconds_total${OF_HELLO}`)).toBeLessThan(5)
})

test('a call that woke a pod is a cold start, with its phases; the next one is not', async () => {
  await start()
  const pod = await FakePod.start()
  bed.pods.push(pod)
  bed.controller.onActivation = () => wokeUp(pod.endpoint)
  await bed.follow(feedSubscription())
  await bed.send({ value: '1' })
  await until(async () => (await calls()) === 1)
  bed.controller.addEndpoints(pod.endpoint)
  await bed.send({ value: '2' })
  await until(async () => (await calls()) === 2)
  for (const phase of ['wait', 'pod', 'specialize', 'init', 'first-byte', 'total'])
    expect([phase, await number(`cold_start_seconds_count${OF_HELLO},phase="${phase}"`)]).toEqual([phase, 1])
  expect(await number(`cold_start_seconds_sum${OF_HELLO},phase="specialize"`)).toBeCloseTo(0.005)
})

test('a call that no pod got costs nothing and is none', async () => {
  await start({ waitLimitMs: 20 })
  await bed.follow(feedSubscription())
  await bed.send({ value: '1' })
  await until(async () => (await number('held_total')) > 0)
  expect(await bed.metric('call_duration_seconds_count')).toEqual([])
})

test('the series of a function that is deleted go with it', async () => {
  await start()
  await bed.pod()
  await bed.follow(feedSubscription())
  await bed.send({ value: '1' })
  await until(async () => (await calls()) === 1)
  bed.controller.removeFunction('default/hello')
  await until(() => bed.router.lane('default/hello') === undefined)
  expect(await bed.metric('call_duration_seconds')).toEqual([])
  expect(await bed.metric('billed_gb_seconds_total')).toEqual([])
})

test('the feed is seen: connected, its age, and the functions it told of', async () => {
  await start()
  expect(await bed.metric('feed_connected')).toEqual(['dormouse_dispatcher_feed_connected 1'])
  expect(await number('feed_age_seconds')).toBeLessThan(10)
  expect(await bed.metric('functions')).toEqual(['dormouse_dispatcher_functions 1'])
})

test('wake-ups and replays are counted for whoever has the router tell of them', async () => {
  await start()
  const tallies = new CallTallies()
  tallies.tally('default/hello').activation('endpoint')
  tallies.tally('default/hello').replay('busy')
  tallies.tally('default/hello').replay('busy')
  expect([...tallies.tally('default/hello').activations, ...tallies.tally('default/hello').replays]).toEqual([
    ['endpoint', 1],
    ['busy', 2],
  ])
  tallies.keep(new Map())
  expect(tallies.tally('default/hello').activations.size).toBe(0)
})
