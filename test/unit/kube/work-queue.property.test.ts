import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { WorkQueue } from '../../../kube/work-queue.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

const BACKOFF = { firstMs: 3, longestMs: 20 }

/** client-go's queue written down as plainly as possible: time is a number, nothing is asynchronous. */
class Model {
  waiting: string[] = []
  inWork = new Set<string>()
  changed = new Set<string>()
  delayed = new Map<string, number>()
  failures = new Map<string, number>()
  nowMs = 0

  add(key: string): void {
    if (this.inWork.has(key)) this.changed.add(key)
    else if (!this.waiting.includes(key)) this.waiting.push(key)
  }

  addAfter(key: string, delayMs: number): void {
    if (delayMs <= 0) return this.add(key)
    this.delayed.set(key, Math.min(this.delayed.get(key) ?? Infinity, this.nowMs + delayMs))
  }

  addRateLimited(key: string): void {
    const failures = this.failures.get(key) ?? 0
    this.failures.set(key, failures + 1)
    this.addAfter(key, Math.min(BACKOFF.longestMs, BACKOFF.firstMs * 2 ** failures))
  }

  get(): string | undefined {
    const key = this.waiting.shift()
    if (key !== undefined) this.inWork.add(key)
    return key
  }

  done(key: string): void {
    if (this.inWork.delete(key) && this.changed.delete(key)) this.add(key)
  }

  forget(key: string): void {
    this.failures.delete(key)
  }

  advance(byMs: number): void {
    this.nowMs += byMs
    for (const [key, dueMs] of this.delayed) {
      if (dueMs > this.nowMs) continue
      this.delayed.delete(key)
      this.add(key)
    }
  }
}

const key = fc.constantFrom('a', 'b', 'c')
const step = fc.oneof(
  fc.record({ do: fc.constant('add' as const), key }),
  fc.record({ do: fc.constant('addAfter' as const), key, ms: fc.integer({ min: -1, max: 12 }) }),
  fc.record({ do: fc.constant('addRateLimited' as const), key }),
  fc.record({ do: fc.constant('forget' as const), key }),
  fc.record({ do: fc.constant('get' as const) }),
  fc.record({ do: fc.constant('done' as const), key }),
  fc.record({ do: fc.constant('tick' as const) }),
)

test('behaves as the model after any history of calls', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const clock = new FakeClock()
      const queue = new WorkQueue({ clock, backoff: BACKOFF })
      const model = new Model()
      for (const one of steps) {
        if (one.do === 'add') [model, queue].forEach((each) => each.add(one.key))
        if (one.do === 'addAfter') [model, queue].forEach((each) => each.addAfter(one.key, one.ms))
        if (one.do === 'addRateLimited') [model, queue].forEach((each) => each.addRateLimited(one.key))
        if (one.do === 'forget') [model, queue].forEach((each) => each.forget(one.key))
        if (one.do === 'done') [model, queue].forEach((each) => each.done(one.key))
        if (one.do === 'tick') [model, clock].forEach((each) => each.advance(1))
        // A get with nothing waiting would hang, in both.
        if (one.do === 'get' && model.waiting.length > 0) expect(queue.length && (await queue.get())).toBe(model.get())
        expect(queue.length).toBe(model.waiting.length)
      }
    }),
    { numRuns: 500 },
  )
})

test('with any number of workers, no key is in work twice and no change is lost', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(key, { maxLength: 40 }), async (workers, adds) => {
      const queue = new WorkQueue({ clock: new FakeClock() })
      const inWork = new Set<string>()
      const wanted = new Map<string, number>()
      const seen = new Map<string, number>()
      const work = async () => {
        for (let taken = await queue.get(); taken !== undefined; taken = await queue.get()) {
          expect(inWork.has(taken)).toBe(false)
          inWork.add(taken)
          seen.set(taken, wanted.get(taken) ?? 0)
          await Promise.resolve()
          inWork.delete(taken)
          queue.done(taken)
        }
      }
      const running = Array.from({ length: workers }, work)
      for (const added of adds) {
        wanted.set(added, (wanted.get(added) ?? 0) + 1)
        queue.add(added)
        if (added === 'c') await Promise.resolve()
      }
      await queue.shutDownWithDrain()
      await Promise.all(running)
      expect(seen).toEqual(wanted)
    }),
  )
})
