import { expect, test } from '@jest/globals'
import { Hold } from '../../../../events/consumption/hold.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

function holding() {
  const clock = new FakeClock(0)
  let opened = 0
  const hold = new Hold({ clock, onOpen: () => opened++ })
  return { clock, hold, opened: () => opened }
}

test('while it holds nothing starts; when the wait is over one may, and the others when that one got through', () => {
  const { clock, hold, opened } = holding()
  hold.hold('no pod', 1_000)
  expect([hold.mayStart, hold.reason]).toEqual([false, 'no pod'])
  clock.advance(999)
  expect(hold.mayStart).toBe(false)
  clock.advance(1)
  expect([hold.mayStart, opened()]).toEqual([true, 1])
  expect([hold.begin(false), hold.mayStart, hold.begin(false)]).toEqual([true, false, false])
  hold.probeSucceeded()
  expect([hold.mayStart, hold.reason, opened(), clock.pending]).toEqual([true, undefined, 2, 0])
})

test('a shorter wait does not shorten a longer one, a longer one prolongs it', () => {
  const { clock, hold } = holding()
  hold.hold('a', 1_000)
  hold.hold('b', 10)
  clock.advance(500)
  expect([hold.mayStart, hold.reason]).toEqual([false, 'a'])
  hold.hold('c', 2_000)
  clock.advance(1_999)
  expect([hold.mayStart, hold.reason]).toEqual([false, 'c'])
})

test('a probe that was lost is followed by another', () => {
  const { clock, hold, opened } = holding()
  hold.hold('a', 10)
  clock.advance(10)
  hold.begin(false)
  hold.probeLost()
  expect([hold.mayStart, opened(), hold.begin(false)]).toEqual([true, 2, true])
})

test('a probe that takes long counts as through, unless its end is what tells', () => {
  for (const mustEnd of [false, true]) {
    const { clock, hold } = holding()
    hold.hold('a', 10)
    clock.advance(10)
    hold.begin(mustEnd)
    clock.advance(10_000)
    expect(hold.mayStart).toBe(!mustEnd)
  }
})

test('a record that was under way when the probe began and is held makes everything wait again', () => {
  const { clock, hold } = holding()
  hold.hold('a', 10)
  clock.advance(10)
  hold.begin(false)
  hold.hold('b', 500)
  hold.probeSucceeded()
  clock.advance(499)
  expect(hold.mayStart).toBe(false)
  clock.advance(1)
  expect(hold.mayStart).toBe(true)
  hold.stop()
  expect(clock.pending).toBe(0)
})
