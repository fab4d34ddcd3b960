import { describe, expect, test } from '@jest/globals'
import { decide, initialScaleState } from '../../../../controller/autoscaler/decide.ts'
import type {
  ObservedLoad,
  ScaleDecision,
  ScaleObservation,
  ScaleSettings,
  ScaleState,
} from '../../../../controller/autoscaler/decide.ts'

const SETTINGS: ScaleSettings = { concurrency: 1, target: 0.5, min: 0, max: 20, idleAfterMs: 60_000 }
const START_MS = 1_000_000

interface Second {
  /** Mean concurrency and requests running; undefined = no report. */
  load?: number | Partial<ObservedLoad>
  wish?: number
  pods?: number
  ready?: number
  settings?: Partial<ScaleSettings>
  elsewhere?: true
}

const loadOf = (load: number | Partial<ObservedLoad>): ObservedLoad =>
  typeof load === 'number'
    ? { meanConcurrency: load, active: Math.ceil(load) }
    : { meanConcurrency: 0, active: 0, ...load }

function observation(second: Second, atMs: number, pods: number): ScaleObservation {
  return {
    nowMs: atMs,
    settings: { ...SETTINGS, ...second.settings },
    pods: second.pods ?? Math.max(1, pods),
    ready: second.ready ?? Math.max(1, second.pods ?? pods),
    wish: second.wish ?? 0,
    ...(second.load !== undefined && { load: loadOf(second.load) }),
    ...(second.elsewhere && { isWokenElsewhere: true }),
  }
}

/** Nothing decided yet, but a pod serves: what load asks for of a function that sleeps is told apart below. */
const initialState = (desired: number): ScaleState => ({ ...initialScaleState(START_MS, desired), servingSinceMs: 0 })

/** One decision per second, each pod wanted being there a second later, and one always. */
function run(seconds: Second[], initial: ScaleState = initialState(0)): ScaleDecision[] {
  let state = initial
  return seconds.map((second, index) => {
    const decision = decide(state, observation(second, START_MS + (index + 1) * 1_000, state.desired))
    state = decision.state
    return decision
  })
}

const times = (count: number, second: Second) => Array<Second>(count).fill(second)
const last = (decisions: ScaleDecision[]) => {
  const decision = decisions.at(-1)!
  return `${decision.desired} ${decision.reason}`
}

describe('decide', () => {
  const table: { rule: string; seconds: Second[]; initial?: number; want: string }[] = [
    {
      rule: 'steady load gets ceil(concurrency / (pod concurrency × target))',
      seconds: times(12, { load: 3 }),
      want: '6 load',
    },
    {
      rule: 'a pod concurrency of 80 needs fewer pods',
      seconds: times(12, { load: 100, settings: { concurrency: 80 } }),
      want: '3 load',
    },
    {
      rule: 'an exact fit is not one pod more for a rounding error',
      seconds: times(12, { load: 7, settings: { concurrency: 10, target: 0.7 } }),
      want: '1 load',
    },
    { rule: 'max is the limit', seconds: times(12, { load: 500 }), want: '20 limited' },
    { rule: 'min is the limit', seconds: times(200, { load: 0, settings: { min: 2 } }), initial: 5, want: '2 limited' },
    {
      rule: 'twice as much in the last 2 s counts at once',
      seconds: [...times(10, { load: 1 }), { load: 6 }, { load: 6 }],
      want: '12 burst',
    },
    { rule: 'a small rise waits for the mean', seconds: [...times(10, { load: 2 }), { load: 3 }], want: '5 load' },
    { rule: 'a wake-up counts at once, also without any report', seconds: [{ wish: 3 }], want: '3 woken' },
    { rule: 'a wake-up is not forgotten in the next second', seconds: [{ wish: 3 }, { load: 0 }], want: '3 recent' },
    { rule: 'a wake-up beyond max is limited', seconds: [{ wish: 30 }], want: '20 limited' },
    {
      rule: 'no fresh report: hold what was decided, for ever',
      seconds: [...times(3, { load: 3 }), ...times(4_000, {})],
      initial: 6,
      want: '6 held',
    },
    { rule: 'no report since the start: hold what is there', seconds: times(4_000, {}), initial: 4, want: '4 held' },
    {
      rule: 'down only to the highest wish of the last 30 s',
      seconds: [...times(12, { load: 4 }), ...times(28, { load: 1 })],
      want: '8 recent',
    },
    {
      rule: 'below that by half at most',
      seconds: [...times(12, { load: 8 }), ...times(9, {}), ...times(30, { load: 0.1 })],
      want: '8 gradual',
    },
    {
      rule: 'and then further, to what load needs',
      seconds: [...times(12, { load: 8 }), ...times(9, {}), ...times(36, { load: 0.1 })],
      want: '1 load',
    },
    {
      rule: 'idle for idleAfter: none',
      seconds: [...times(12, { load: 4 }), ...times(60, { load: 0 })],
      want: '0 idle',
    },
    { rule: 'not a second earlier', seconds: [...times(12, { load: 4 }), ...times(59, { load: 0 })], want: '1 awake' },
    {
      rule: 'a short idleAfter does not wait for the 30 s',
      seconds: [...times(12, { load: 4 }), ...times(3, { load: 0, settings: { idleAfterMs: 3_000 } })],
      want: '0 idle',
    },
    {
      rule: 'what is left in the means does not delay a short idleAfter',
      seconds: [...times(12, { load: 0.3 }), ...times(3, { load: 0, settings: { idleAfterMs: 3_000 } })],
      want: '0 idle',
    },
    {
      rule: 'nor does it wake what has just gone to sleep',
      seconds: [...times(12, { load: 4 }), ...times(6, { load: 0, settings: { idleAfterMs: 3_000 } })],
      want: '0 idle',
    },
    {
      rule: 'a mean over a request that has ended does not count as one that runs',
      seconds: [
        ...times(3, { load: 1 }),
        {
          load: { meanConcurrency: 0.5, lastResponseAtMs: START_MS + 3_000 },
          settings: { idleAfterMs: 1_000 },
        },
      ],
      want: '0 idle',
    },
    {
      rule: 'one request that runs for hours keeps one pod',
      seconds: times(7_200, { load: { meanConcurrency: 0, active: 1 } }),
      initial: 1,
      want: '1 awake',
    },
    {
      rule: 'idleness begins with the last response, not with the last sample',
      seconds: times(90, { load: { lastResponseAtMs: START_MS + 40_000 } }),
      initial: 1,
      want: '1 awake',
    },
    { rule: 'what sleeps stays asleep', seconds: times(100, { load: 0 }), want: '0 load' },
    { rule: 'a pod that nobody wants does not change that', seconds: times(100, { load: 0, pods: 1 }), want: '0 load' },
    { rule: 'min raised while no data plane reports is met', seconds: [{ settings: { min: 3 } }], want: '3 limited' },
  ]
  test.each(table)('$rule', ({ seconds, initial = 0, want }) => {
    expect(last(run(seconds, initialState(initial)))).toBe(want)
  })

  test('silence is not idleness: after it, the last response as data planes remember it decides', () => {
    const busyMeanwhile = [
      ...times(3, { load: 1 }),
      ...times(300, {}),
      { load: { active: 0, lastResponseAtMs: START_MS + 300_000 } },
    ]
    expect(last(run(busyMeanwhile, initialState(1)))).toBe('2 recent')
  })

  describe('of a function that sleeps', () => {
    const wanted = (seconds: Second[]) => run(seconds, initialScaleState(START_MS, 0)).map(({ desired }) => desired)
    const asleep = { pods: 0, ready: 0 }
    const starting = { pods: 1, ready: 0 }
    const ready = { pods: 1, ready: 1 }

    test('one request that waits long for its first pod asks for no second one, nor does the memory of it', () => {
      const seconds = [
        { ...starting, wish: 1, load: 1 },
        ...times(8, { ...starting, load: 1 }),
        { ...ready, load: 1 },
        ...times(8, { ...ready, load: 0 }),
      ]
      expect(new Set(wanted(seconds))).toEqual(new Set([1]))
    })

    test('while another replica wakes it, none is asked for here', () => {
      const seconds = [
        ...times(9, { ...asleep, load: 1 }),
        { ...ready, wish: 1, load: 1 },
        ...times(8, { ...ready, load: 0 }),
      ]
      expect(wanted(seconds)).toEqual([...Array<number>(9).fill(0), ...Array<number>(9).fill(1)])
    })

    test('while another replica makes its pods ready, load asks for none beside them, and counts again afterwards', () => {
      const seconds = [
        { ...asleep, load: 6 },
        { ...ready, wish: 1, load: 6, elsewhere: true as const },
        { pods: 3, wish: 3, load: 6, elsewhere: true as const },
        ...times(3, { pods: 3, load: 6 }),
      ]
      expect(wanted(seconds).slice(0, 4)).toEqual([0, 1, 3, 12])
    })

    test('load that nobody wakes it for does so after 15 s, and what has gone before 15 s have passed does not', () => {
      expect(wanted(times(16, { ...asleep, load: 1 })).slice(-2)).toEqual([0, 1])
      const twice = [...times(14, { ...asleep, load: 1 }), { ...asleep, load: 0 }, ...times(14, { ...asleep, load: 1 })]
      expect(new Set(wanted(twice))).toEqual(new Set([0]))
    })

    test('what waits for a starting pod gets as many as it fills, and headroom when the first is ready for 2 s', () => {
      const seconds = [...times(3, { ...starting, load: 4 }), ...times(20, { ...ready, load: 4 })]
      const decisions = wanted(seconds)
      expect([decisions[0], decisions[4], decisions.at(-1)]).toEqual([4, 4, 8])
    })
  })

  test('memory is bounded by the windows, not by time', () => {
    const { state } = run(Array.from({ length: 5_000 }, (_, index) => ({ load: (index * 7) % 11 }))).at(-1)!
    expect(state.samples.length).toBeLessThanOrEqual(10)
    expect(state.wishes.length).toBeLessThanOrEqual(30)
  })
})
