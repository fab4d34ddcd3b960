import { afterEach, describe, expect, test } from '@jest/globals'
import { setImmediate as turn } from 'node:timers/promises'
import { createControlLoop, done, requeueAfter, stale, terminal } from '../../../kube/control-loop.ts'
import { ClusterError } from '../../../kube/errors.ts'
import type { ControlLoop, ControlLoopOptions, Outcome } from '../../../kube/control-loop.ts'
import { createLogger, type LogRecord } from '../../../lib/logger.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

const loops: ControlLoop[] = []
afterEach(() => Promise.all(loops.splice(0).map((loop) => loop.stop())))

/** A loop whose reconcile takes its outcomes from a list; then `done`. */
function startLoop(outcomes: (Outcome | Error)[], options: Partial<ControlLoopOptions> = {}) {
  const clock = new FakeClock()
  const runs: string[] = []
  const records: LogRecord[] = []
  const metrics: unknown[] = []
  const loop = createControlLoop({
    name: 'test',
    clock,
    backoff: { firstMs: 10, longestMs: 1000 },
    logger: createLogger({ level: 'debug', sink: (record) => records.push(record) }),
    metrics: { reconciled: (...numbers) => metrics.push(numbers), depth: () => undefined },
    reconcile: (key) => {
      runs.push(key)
      const outcome = outcomes.shift() ?? done
      return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome)
    },
    ...options,
  })
  loops.push(loop)
  loop.start()
  return { loop, clock, runs, records, metrics }
}

describe('a control loop', () => {
  test('reconciles a key that was added, also before start', async () => {
    const runs: string[] = []
    const reconcile = (key: string) => Promise.resolve((runs.push(key), done))
    const loop = createControlLoop({ name: 'test', logger: createLogger({ sink: () => undefined }), reconcile })
    loops.push(loop)
    loop.add('a')
    await turn()
    expect(runs).toEqual([])
    loop.start()
    loop.start()
    await turn()
    expect(runs).toEqual(['a'])
  })

  test('done waits for a change', async () => {
    const { loop, clock, runs, metrics } = startLoop([done])
    loop.add('a')
    await turn()
    expect(clock.pending).toBe(0)
    expect(runs).toEqual(['a'])
    expect(metrics).toEqual([['done', 0]])
  })

  test('what a namespace that is being deleted refuses is no failure: it is asked again late, and said to nobody', async () => {
    const ending = new ClusterError('Forbidden', 'x is forbidden: … because it is being terminated')
    const { loop, clock, runs, records, metrics } = startLoop([ending])
    loop.add('a')
    await turn()
    expect(metrics).toEqual([['requeueAfter', 0]])
    expect(records.filter(({ level }) => level !== 'debug')).toEqual([])
    clock.advance(29_999)
    await turn()
    expect(runs).toEqual(['a'])
    clock.advance(1)
    await turn()
    expect(runs).toEqual(['a', 'a'])
  })

  test('requeueAfter looks again then', async () => {
    const { loop, clock, runs } = startLoop([requeueAfter(500)])
    loop.add('a')
    await turn()
    clock.advance(499)
    await turn()
    expect(runs).toHaveLength(1)
    clock.advance(1)
    await turn()
    expect(runs).toEqual(['a', 'a'])
  })

  test('what was decided from an object that has moved on is decided again at once, and ever later while nothing newer comes', async () => {
    const outdated = Array.from<Outcome>({ length: 1_000 }).fill(stale)
    const { loop, clock, runs, records } = startLoop(outdated)
    const pass = async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 20) {
        clock.advance(20)
        await turn()
      }
    }
    loop.add('a')
    await turn()
    await pass(20)
    expect(runs).toHaveLength(2)
    await pass(60_000)
    expect(runs.length).toBeLessThan(25)
    expect(runs.length).toBeGreaterThan(15)
    outdated.length = 0
    await pass(5_000)
    outdated.push(stale)
    const before = runs.length
    loop.add('a')
    await turn()
    await pass(20)
    expect(runs.length - before).toBe(2)
    expect(records).toEqual([])
  })

  test.each([
    ['thrown', new Error('no')],
    ['returned', { kind: 'error', error: new Error('no') } as const],
  ])('an error that is %s is tried again with growing waits, and logged each time', async (_how, failure) => {
    const { loop, clock, runs, records, metrics } = startLoop([failure, failure, failure])
    loop.add('a')
    await turn()
    for (const waitMs of [10, 20, 40]) {
      const before = runs.length
      clock.advance(waitMs - 1)
      await turn()
      expect(runs).toHaveLength(before)
      clock.advance(1)
      await turn()
      expect(runs).toHaveLength(before + 1)
    }
    expect(records.map(({ level, fields }) => [level, fields['key'], fields['failures']])).toEqual([
      ['warn', 'a', 1],
      ['warn', 'a', 2],
      ['warn', 'a', 3],
    ])
    expect(metrics).toEqual(
      [
        ['error', 0],
        ['error', 0],
        ['error', 0],
        ['done', 0],
      ].map(([kind]) => [kind, expect.any(Number)]),
    )
  })

  test.each([
    ['done', done] as const,
    ['requeueAfter', requeueAfter(1)] as const,
    ['terminal', terminal('x')] as const,
  ])('%s forgets earlier failures', async (_name, outcome) => {
    const { loop, clock, runs } = startLoop([new Error('1'), new Error('2'), outcome, new Error('3'), done])
    loop.add('a')
    await turn()
    for (const waitMs of [10, 20]) {
      clock.advance(waitMs)
      await turn()
    }
    clock.advance(1)
    await turn()
    if (outcome.kind !== 'requeueAfter') loop.add('a')
    await turn()
    expect(runs).toHaveLength(4)
    clock.advance(10)
    await turn()
    expect(runs).toHaveLength(5)
  })

  test('a terminal error is logged and waits for a change', async () => {
    const { loop, clock, runs, records } = startLoop([terminal(new Error('never'))])
    loop.add('a')
    await turn()
    expect(clock.pending).toBe(0)
    expect(records.map(({ level }) => level)).toEqual(['error'])
    loop.add('a')
    await turn()
    expect(runs).toEqual(['a', 'a'])
  })

  test('a key that changes while it is reconciled is reconciled again afterwards, never at the same time', async () => {
    let running = 0
    let most = 0
    const gates: (() => void)[] = []
    const reconcile = async () => {
      running += 1
      most = Math.max(most, running)
      await new Promise<void>((resolve) => gates.push(resolve))
      running -= 1
      return done
    }
    const { loop } = startLoop([], { reconcile, concurrency: 3 })
    loop.add('a')
    await turn()
    loop.add('a')
    await turn()
    expect(gates).toHaveLength(1)
    gates[0]!()
    await turn()
    expect(gates).toHaveLength(2)
    gates[1]!()
    expect(most).toBe(1)
  })

  test('works on as many keys at once as its concurrency', async () => {
    const gates: (() => void)[] = []
    const reconcile = () => new Promise<Outcome>((resolve) => gates.push(() => resolve(done)))
    const { loop } = startLoop([], { reconcile, concurrency: 2 })
    for (const key of ['a', 'b', 'c']) loop.add(key)
    await turn()
    expect(gates).toHaveLength(2)
    gates[0]!()
    await turn()
    expect(gates).toHaveLength(3)
    for (const open of gates) open()
  })
})

describe('stopping a control loop', () => {
  test('aborts a hanging reconcile, waits for it, and does not call that a failure', async () => {
    const ended: string[] = []
    const reconcile = (key: string, signal: AbortSignal) =>
      new Promise<Outcome>((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          ended.push(key)
          reject(signal.reason as Error)
        })
      })
    const { loop, records, clock } = startLoop([], { reconcile })
    loop.add('a')
    loop.add('waits')
    await turn()
    await loop.stop()
    expect(ended).toEqual(['a'])
    expect(records).toEqual([])
    expect(clock.pending).toBe(0)
  })

  test('does not wait forever for a reconcile that ignores its signal', async () => {
    const { loop, clock, records } = startLoop([], {
      reconcile: () => new Promise(() => undefined),
      stopTimeoutMs: 300,
    })
    loop.add('a')
    await turn()
    const stopped = loop.stop()
    clock.advance(300)
    await stopped
    expect(records.map(({ level }) => level)).toEqual(['warn'])
  })

  test('takes nothing new, and a second stop is harmless', async () => {
    const { loop, runs } = startLoop([])
    await loop.stop()
    loop.add('a')
    loop.start()
    await loop.stop()
    expect(runs).toEqual([])
  })
})
