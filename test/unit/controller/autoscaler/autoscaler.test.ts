import { describe, expect, test } from '@jest/globals'
import type { LoadReport } from '../../../../api/protocol.ts'
import type { ObjectKey } from '../../../../api/names.ts'
import { createAutoscaler } from '../../../../controller/autoscaler/autoscaler.ts'
import type { ScaleChange } from '../../../../controller/autoscaler/autoscaler.ts'
import { createDesiredBook } from '../../../../controller/autoscaler/desired.ts'
import type { ReceivedReport } from '../../../../controller/autoscaler/load.ts'
import { recordsIn, replay } from '../../../../controller/autoscaler/recording.ts'
import type { FleetPod } from '../../../../controller/fleet/fleet.ts'
import { createServingBook } from '../../../../controller/functions/serving.ts'
import type { Serving } from '../../../../controller/functions/serving.ts'
import { createLogger } from '../../../../lib/logger.ts'
import { createMetrics } from '../../../../lib/metrics.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

const KEY = 'default/web'

function servingOf(key: ObjectKey, scaling: Partial<Serving['scaling']> = {}): Serving {
  return {
    key,
    uid: 'u1',
    template: {
      function: { namespace: 'default', name: 'web', uid: 'u1' },
      revision: 'r1',
      runtime: 'node',
      handler: 'index.handler',
      signature: 'event',
      files: {},
      env: {},
      timeoutMs: 1_000,
      concurrency: 1,
      memoryMb: 128,
    },
    scaling: { min: 0, max: 10, target: 1, idleAfterMs: 10_000, maxPodAgeMs: 1e9, ...scaling },
    signature: 'event',
    concurrency: 1,
    timeoutMs: 1_000,
    memoryMb: 128,
  }
}

/** An autoscaler whose pods are there as soon as they are wanted, unless `pods` says otherwise. */
function bed() {
  const clock = new FakeClock()
  const serving = createServingBook()
  const desired = createDesiredBook()
  const metrics = createMetrics()
  const changes: ({ key: ObjectKey } & ScaleChange)[] = []
  const lines: string[] = []
  const state = {
    reports: [] as ReceivedReport[],
    pods: undefined as number | undefined,
    lookups: 0,
    podChanged: (_key: ObjectKey): void => undefined,
  }
  const podsOf = (key: ObjectKey): FleetPod[] => {
    state.lookups += 1
    const count = state.pods ?? desired.get(key) ?? 0
    return Array.from({ length: count }, (_, index) => ({
      uid: `${key}-${index}`,
      name: 'p',
      namespace: 'default',
      function: key,
      revision: 'r1',
      phase: 'ready',
      createdAtMs: 0,
      claimedAtMs: 0,
    }))
  }
  const autoscaler = createAutoscaler({
    serving,
    desired,
    fleet: {
      pods: podsOf,
      pendingStarts: () => 0,
      onChange: (listener) => {
        state.podChanged = listener
        return () => undefined
      },
    },
    load: { fresh: () => state.reports },
    clock,
    logger: createLogger({
      level: 'debug',
      sink: ({ fields, ...line }) => lines.push(JSON.stringify({ ...line, ...fields })),
    }),
    metrics,
    onDecision: (key, change) => changes.push({ key, ...change }),
  })
  return { clock, serving, desired, metrics, changes, lines, state, autoscaler }
}

const entry = (key: ObjectKey, more: Partial<LoadReport['functions'][number]> = {}) => ({
  key,
  inFlight: 0,
  queued: 0,
  meanConcurrency: 0,
  endpoints: {},
  ...more,
})
const report = (clock: FakeClock, functions: LoadReport['functions'], reporter = 'gw'): ReceivedReport => ({
  report: { reporter, functions },
  receivedAtMs: clock.now(),
})

describe('the autoscaler', () => {
  test('takes a wake-up at once and keeps it over the next ticks', () => {
    const { autoscaler, serving, desired, clock, state, changes } = bed()
    serving.set(servingOf(KEY))
    autoscaler.start()
    autoscaler.wish(KEY, 3)
    expect(desired.get(KEY)).toBe(3)
    state.reports = [report(clock, [])]
    clock.advance(5_000)
    expect(desired.get(KEY)).toBe(3)
    expect(changes).toEqual([{ key: KEY, from: 0, to: 3, reason: 'woken' }])
    autoscaler.stop()
  })

  test('ignores wake-ups of functions it does not know, and limits the others to max', () => {
    const { autoscaler, serving, desired } = bed()
    serving.set(servingOf(KEY))
    autoscaler.start()
    autoscaler.wish('default/nobody', 3)
    autoscaler.wish(KEY, 300)
    expect(desired.get('default/nobody')).toBeUndefined()
    expect(desired.get(KEY)).toBe(10)
    autoscaler.stop()
  })

  test('adds up what all data planes say', () => {
    const { autoscaler, serving, desired, clock, state } = bed()
    state.pods = 1
    serving.set(servingOf(KEY))
    autoscaler.start()
    const busy = [entry(KEY, { inFlight: 2, meanConcurrency: 2 })]
    state.reports = [report(clock, busy, 'a'), report(clock, busy, 'b')]
    clock.advance(1_000)
    expect(desired.get(KEY)).toBe(4)
    autoscaler.stop()
  })

  test('holds what is there after a restart until data planes report, then lets idle pods go', () => {
    const { autoscaler, serving, desired, clock, state } = bed()
    state.pods = 4
    serving.set(servingOf(KEY))
    autoscaler.start()
    clock.advance(120_000)
    expect(desired.get(KEY)).toBe(4)
    state.reports = [report(clock, [])]
    clock.advance(1_000)
    expect(desired.get(KEY)).toBe(0)
    autoscaler.stop()
  })

  test('sleeps idleAfter after the last response that any data plane saw', () => {
    const { autoscaler, serving, desired, clock, state } = bed()
    serving.set(servingOf(KEY))
    autoscaler.start()
    autoscaler.wish(KEY, 1)
    state.reports = [
      report(clock, [entry(KEY, { idleMs: 0 })], 'a'),
      report(clock, [entry(KEY, { idleMs: 3_000 })], 'b'),
    ]
    clock.advance(9_000)
    expect(desired.get(KEY)).toBe(1)
    clock.advance(3_000)
    expect(desired.get(KEY)).toBe(0)
    autoscaler.stop()
  })

  describe('due records that a dispatcher holds', () => {
    /** As Router and backlogLoad report them: no call runs. */
    const due = (records: number, concurrency: number) =>
      entry(KEY, { queued: records, meanConcurrency: concurrency, idleMs: 0 })

    test('wake a function that sleeps, though nobody asks for an activation', () => {
      const { autoscaler, serving, desired, clock, state } = bed()
      serving.set(servingOf(KEY))
      autoscaler.start()
      clock.advance(60_000)
      expect(desired.get(KEY)).toBe(0)
      for (let second = 0; second < 16; second += 1) {
        state.reports = [report(clock, [due(1, 0.01)], 'dispatcher')]
        clock.advance(1_000)
      }
      expect(desired.get(KEY)).toBe(1)
      autoscaler.stop()
    })

    test('ask for as many pods as it takes to work them off', () => {
      const { autoscaler, serving, desired, clock, state } = bed()
      state.pods = 1
      serving.set(servingOf(KEY))
      autoscaler.start()
      state.reports = [report(clock, [due(10, 6)], 'dispatcher'), report(clock, [], 'gateway')]
      clock.advance(1_000)
      expect(desired.get(KEY)).toBe(6)
      autoscaler.stop()
    })

    test('keep it awake as long as they wait, and idleAfter longer', () => {
      const { autoscaler, serving, desired, clock, state } = bed()
      serving.set(servingOf(KEY))
      autoscaler.start()
      for (let second = 0; second < 100; second += 1) {
        state.reports = [report(clock, [due(1, 0.01)], 'dispatcher')]
        clock.advance(1_000)
      }
      expect(desired.get(KEY)).toBe(1)
      state.reports = [report(clock, [], 'dispatcher')]
      clock.advance(9_000)
      expect(desired.get(KEY)).toBe(1)
      clock.advance(2_000)
      expect(desired.get(KEY)).toBe(0)
      autoscaler.stop()
    })
  })

  test('does not look at functions that sleep', () => {
    const { autoscaler, serving, clock, state } = bed()
    for (let index = 0; index < 1_000; index += 1) serving.set(servingOf(`default/fn-${index}`))
    autoscaler.start()
    clock.advance(1_000)
    state.lookups = 0
    clock.advance(60_000)
    expect(state.lookups).toBe(0)
    autoscaler.stop()
  })

  test('looks again at one whose pods change', () => {
    const { autoscaler, serving, desired, clock, state } = bed()
    serving.set(servingOf(KEY, { min: 2 }))
    autoscaler.start()
    clock.advance(1_000)
    expect(desired.get(KEY)).toBe(2)
    serving.set(servingOf(KEY))
    state.reports = [report(clock, [])]
    clock.advance(11_000)
    expect(desired.get(KEY)).toBe(0)
    state.lookups = 0
    state.podChanged(KEY)
    clock.advance(1_000)
    expect(state.lookups).toBeGreaterThan(0)
    autoscaler.stop()
  })

  test('wants nothing of a function that cannot run, and forgets one that is gone', async () => {
    const { autoscaler, serving, desired, clock, metrics } = bed()
    serving.set(servingOf(KEY))
    autoscaler.start()
    autoscaler.wish(KEY, 2)
    expect(await metrics.registry.metrics()).toContain('scale_changes_total{direction="up",reason="woken"} 1')
    const { template, ...rest } = servingOf(KEY)
    expect(template).toBeDefined()
    serving.set({ ...rest, broken: { code: 'code-load-failed', message: 'no' } })
    clock.advance(1_000)
    expect(desired.get(KEY)).toBe(0)
    expect(await metrics.registry.metrics()).toContain(`dormouse_controller_desired_pods{function="${KEY}"} 0`)
    serving.remove(KEY)
    expect(desired.get(KEY)).toBeUndefined()
    expect(await metrics.registry.metrics()).not.toContain(KEY)
    autoscaler.stop()
  })

  test('writes recordings that replay to what it decided', () => {
    const { autoscaler, serving, clock, state, lines } = bed()
    serving.set(servingOf(KEY))
    autoscaler.start()
    autoscaler.wish(KEY, 2)
    for (let second = 0; second < 80; second += 1) {
      const load = Math.max(0, 8 - second / 4)
      if (second % 7 !== 0)
        state.reports = [report(clock, [entry(KEY, { inFlight: Math.ceil(load), meanConcurrency: load })])]
      else state.reports = []
      clock.advance(1_000)
    }
    const records = recordsIn(lines.join('\n'))
    expect(records.length).toBeGreaterThan(40)
    expect(replay(records).map(({ desired, reason }) => ({ desired, reason }))).toEqual(
      records.map(({ desired, reason }) => ({ desired, reason })),
    )
    autoscaler.stop()
  })

  test('leaves no timer behind', () => {
    const { autoscaler, clock } = bed()
    autoscaler.start()
    clock.advance(3_000)
    autoscaler.stop()
    expect(clock.pending).toBe(0)
  })
})
