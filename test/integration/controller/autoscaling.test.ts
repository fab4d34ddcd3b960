/** Autoscaler and functions controller together: who decides and who carries out must not fight over a pod. */
import { afterEach, expect, test } from '@jest/globals'
import type { LoadReport } from '../../../api/protocol.ts'
import { createAutoscaler } from '../../../controller/autoscaler/autoscaler.ts'
import type { ReceivedReport } from '../../../controller/autoscaler/load.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { createMetrics } from '../../../lib/metrics.ts'
import { createWorld, startBed } from './functions-bed.ts'
import type { BedOptions } from './functions-bed.ts'

const KEY = 'default/web'
const SPEC = { scaling: { min: 0, max: 5, target: 1, idleAfter: '20s', maxPodAge: '4h' } }
const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

async function start(options: BedOptions = {}) {
  const bed = await startBed(options)
  let said: LoadReport['functions'] | undefined
  const fresh = (): ReceivedReport[] =>
    said ? [{ report: { reporter: 'gw', functions: said }, receivedAtMs: bed.clock.now() }] : []
  const autoscaler = createAutoscaler({
    serving: bed.serving,
    fleet: bed.fleet,
    desired: bed.desired,
    load: { fresh },
    clock: bed.clock,
    logger: silentLogger,
    metrics: createMetrics(),
    onDecision: (key, change) => bed.controller.announceScale(key, change),
  })
  autoscaler.start()
  ends.push(async () => {
    autoscaler.stop()
    await bed.stop()
  })
  return {
    bed,
    autoscaler,
    /** What gateways see from now on; undefined = none reports. */
    report(load: number | undefined) {
      const entry = { key: KEY, inFlight: load ?? 0, queued: 0, meanConcurrency: load ?? 0, endpoints: {} }
      said = load === undefined ? undefined : load === 0 ? [] : [entry as LoadReport['functions'][number]]
    },
    /** As activation/ does: wish and start in one synchronous step. */
    wake() {
      const template = bed.serving.get(KEY)?.template
      if (!template) throw new Error('expected something to wake')
      autoscaler.wish(KEY, 1)
      void bed.fleet.start(template)
    },
  }
}

test('a wake-up starts one pod, not two; load adds pods; silence of callers lets all go', async () => {
  const { bed, report, wake } = await start()
  report(0)
  await bed.create('web', SPEC)
  wake()
  await bed.settle()
  expect(bed.starts()).toBe(1)
  report(4)
  await bed.pass(12_000)
  expect(bed.ready('web')).toHaveLength(4)
  report(0)
  await bed.pass(15_000)
  expect(bed.ready('web').length).toBeGreaterThan(0)
  await bed.pass(10_000)
  expect(bed.fleet.shape(KEY)).toEqual([])
  expect(await bed.condition('web', 'Ready')).toBe('True Asleep')
  const events = await bed.events()
  expect(events).toContainEqual('ScaledUp: Scaled from 0 to 1 pods (woken)')
  expect(events).toContainEqual(expect.stringMatching(/^ScaledDown: Scaled from 4 to 0 pods \(idle\)/))
})

test('a pod that was started only to load new code goes at once, whether gateways report or not', async () => {
  for (const load of [0, undefined]) {
    const { bed, report } = await start({ verifyFirstRevision: true })
    report(load)
    await bed.create('web', SPEC)
    await bed.pass(3_000)
    await bed.code('web', 'two')
    await bed.pass(3_000)
    expect(bed.starts()).toBe(2)
    expect(bed.fleet.shape(KEY)).toEqual([])
  }
})

test('after a restart pods stay as long as gateways are silent, and sleep when they say that nothing runs', async () => {
  const world = createWorld()
  const first = await start({ world })
  first.report(3)
  await first.bed.create('web', SPEC)
  first.wake()
  await first.bed.pass(12_000)
  expect(first.bed.ready('web')).toHaveLength(3)
  await ends.pop()?.()

  const second = await start({ world })
  await second.bed.pass(120_000, 5_000)
  expect(second.bed.ready('web')).toHaveLength(3)
  second.report(0)
  await second.bed.pass(25_000)
  expect(second.bed.fleet.shape(KEY)).toEqual([])
})

test('a rollout under load never has fewer ready pods than load needs', async () => {
  const { bed, report, wake } = await start()
  report(3)
  await bed.create('web', SPEC)
  wake()
  await bed.pass(12_000)
  let fewest = Infinity
  const watch = () => (fewest = Math.min(fewest, bed.ready('web').length))
  bed.serving.onChange(watch)
  bed.fleet.onChange(watch)
  for (const text of ['two', 'three', 'four']) {
    await bed.code('web', text)
    await bed.pass(3_000)
    expect(bed.servedCode('web')).toBe(text)
  }
  expect(fewest).toBeGreaterThanOrEqual(3)
})
