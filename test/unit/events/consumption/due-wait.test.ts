import { expect, test } from '@jest/globals'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { DueWait } from '../../../../events/consumption/due-wait.ts'
import type { Entry } from '../../../../events/consumption/entry.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

const DELAY_MS = 60_000

/** A tier of one minute whose wall clock can be set. */
function tier() {
  const clock = new FakeClock(5_000)
  const wall = { skewMs: 1_000_000, now: () => clock.now() + wall.skewMs }
  const out: { offset: number; atMs: number }[] = []
  const wait = new DueWait({
    ...{ clock, wall, delayMs: DELAY_MS },
    onDue: (entries) => void out.push(...entries.map(({ record: { offset } }) => ({ offset, atMs: clock.now() }))),
  })
  const push = (offset: number, inMs = DELAY_MS) => {
    wait.push(wall.now() + inMs, { record: { offset } } as Entry)
    wait.check()
  }
  return { clock, wall, out, wait, push }
}

test('an entry is handed out when it is due, not a millisecond earlier', () => {
  const { clock, out, push } = tier()
  push(1)
  clock.advance(DELAY_MS - 1)
  expect(out).toEqual([])
  clock.advance(1)
  expect(out).toEqual([{ offset: 1, atMs: 5_000 + DELAY_MS }])
})

test('one timer waits, however many entries there are; none when there are none', () => {
  const { clock, wait, push } = tier()
  for (let offset = 0; offset < 1_000; offset++) push(offset, offset)
  expect([clock.pending, wait.size]).toEqual([1, 999])
  clock.advance(1_000)
  expect([clock.pending, wait.size]).toEqual([0, 0])
})

test('what was handed out is not kept: it may be megabytes', () => {
  setFlagsFromString('--expose_gc')
  const collect = runInNewContext('gc') as () => void
  const { clock, wall, wait } = tier()
  const push = (): WeakRef<Entry> => {
    const entry = { record: { offset: 1 } } as Entry
    wait.push(wall.now() + 10, entry)
    return new WeakRef(entry)
  }
  const refs = Array.from({ length: 100 }, push)
  wait.push(wall.now() + DELAY_MS, { record: { offset: 2 } } as Entry)
  wait.check()
  clock.advance(10)
  expect(wait.size).toBe(1)
  return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
    collect()
    expect(refs.filter((ref) => ref.deref() !== undefined)).toEqual([])
  })
})

test('a wall clock that is set back by hours makes nothing wait for hours, in what order it came', () => {
  const { clock, wall, out, push, wait } = tier()
  push(1)
  clock.advance(10)
  wall.skewMs -= 4 * 3_600_000
  push(2, DELAY_MS)
  push(3, 5 * 3_600_000)
  clock.advance(DELAY_MS * 1.02 + 1_000)
  expect(out.map(({ offset }) => offset).sort()).toEqual([1, 2, 3])
  expect(Math.min(...out.map(({ atMs }) => atMs))).toBeGreaterThanOrEqual(5_000 + DELAY_MS)
  expect([wait.size, clock.pending]).toEqual([0, 0])
})

test('new entries that are due earlier do not starve those of before the clock was set back', () => {
  const { clock, wall, out, push } = tier()
  push(0)
  wall.skewMs -= 4 * 3_600_000
  for (let offset = 1; offset <= 300; offset++) {
    clock.advance(1_000)
    push(offset)
  }
  const old = out.find(({ offset }) => offset === 0)
  expect(old && old.atMs - 5_000).toBeLessThanOrEqual(DELAY_MS * 1.02 + 1_000)
})

test('a wall clock that is set forward, as after sleep, is seen within half a minute, and nothing is lost or doubled', () => {
  const { clock, wall, out, push } = tier()
  for (const offset of [1, 2, 3]) push(offset, DELAY_MS + offset)
  wall.skewMs += 3_600_000
  clock.advance(30_000)
  expect(out.map(({ offset }) => offset)).toEqual([1, 2, 3])
  clock.advance(DELAY_MS * 3)
  expect(out).toHaveLength(3)
})
