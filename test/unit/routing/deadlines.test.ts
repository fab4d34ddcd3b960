import { expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { Deadlines, type Expiring } from '../../../routing/deadlines.ts'
import { ListNode } from '../../../lib/linked-list.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

class Member extends ListNode implements Expiring {
  dueMs = 0
  expiredAt: number | undefined
  readonly #clock: FakeClock

  constructor(clock: FakeClock) {
    super()
    this.#clock = clock
  }

  expired(): void {
    expect(this.list).toBeUndefined()
    expect(this.expiredAt).toBeUndefined()
    this.expiredAt = this.#clock.now()
  }
}

test('everything expires at its own time unless it left before, whatever the order', () => {
  const step = fc.record({
    waitMs: fc.nat(30),
    limitMs: fc.constantFrom(10, 50, 200),
    leavesAfterMs: fc.option(fc.nat(100), { nil: undefined }),
  })
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const clock = new FakeClock(0)
      const deadlines = new Deadlines(clock)
      const added = steps.map(({ waitMs, limitMs, leavesAfterMs }) => {
        clock.advance(waitMs)
        const member = new Member(clock)
        deadlines.add(member, clock.now(), limitMs)
        const dueMs = clock.now() + limitMs
        const leavesAtMs = leavesAfterMs === undefined ? Infinity : clock.now() + leavesAfterMs
        if (leavesAfterMs !== undefined) clock.after(leavesAfterMs, () => deadlines.remove(member))
        return { member, dueMs, leavesAtMs }
      })
      clock.advance(1_000)
      for (const { member, dueMs, leavesAtMs } of added) {
        if (leavesAtMs < dueMs) expect(member.expiredAt).toBeUndefined()
        else if (leavesAtMs > dueMs) expect(member.expiredAt).toBe(dueMs)
      }
      expect(clock.pending).toBe(0)
    }),
  )
})

test('requests one after the other share one timer', () => {
  const clock = new FakeClock(0)
  const deadlines = new Deadlines(clock)
  for (let request = 0; request < 50; request++) {
    const member = new Member(clock)
    deadlines.add(member, clock.now(), 1_000)
    clock.advance(1)
    deadlines.remove(member)
    expect(clock.pending).toBe(1)
  }
})

test('what expires may be given a new deadline at once', () => {
  const clock = new FakeClock(0)
  const deadlines = new Deadlines(clock)
  let expirations = 0
  const member = Object.assign(new ListNode(), {
    dueMs: 0,
    expired: () => {
      if (++expirations < 3) deadlines.add(member, clock.now(), 10)
    },
  })
  deadlines.add(member, 0, 10)
  clock.advance(25)
  expect(expirations).toBe(2)
  clock.advance(10)
  expect([expirations, clock.pending]).toEqual([3, 0])
})

test('after stop nothing expires and no timer is left', () => {
  const clock = new FakeClock(0)
  const deadlines = new Deadlines(clock)
  const member = new Member(clock)
  deadlines.add(member, 0, 10)
  deadlines.stop()
  clock.advance(100)
  expect([member.expiredAt, clock.pending]).toEqual([undefined, 0])
})
