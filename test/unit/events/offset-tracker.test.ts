import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { decodeMarks, encodeMarks } from '../../../events/commit-metadata.ts'
import { OffsetTracker } from '../../../events/offset-tracker.ts'

/** 3 KiB: a broker takes 4,096 bytes. */
const LIMIT = 3_072

const trackerAt = (position: number) => new OffsetTracker({ position, metadata: '' })
/** As the next owner of the partition sees it. */
const reopened = (before: OffsetTracker) => new OffsetTracker({ position: before.lowWater, metadata: before.encode() })

test('the low-water mark is the first record that is not done, whatever is done behind it', () => {
  const tracker = trackerAt(10)
  for (const offset of [10, 11, 12, 13]) expect(tracker.track(offset)).toBe(true)
  tracker.done(12)
  tracker.done(11)
  expect(tracker.lowWater).toBe(10)
  tracker.done(10)
  expect(tracker.lowWater).toBe(13)
  tracker.done(13)
  expect([tracker.lowWater, tracker.pending]).toEqual([14, 0])
})

test('offsets with gaps are tracked as they come', () => {
  const tracker = trackerAt(0)
  for (const offset of [3, 7, 20]) tracker.track(offset)
  tracker.done(7)
  tracker.done(3)
  expect(tracker.lowWater).toBe(20)
  tracker.done(20)
  expect(tracker.lowWater).toBe(21)
})

test('what is for nobody is passed, and no news is told as none', () => {
  const tracker = trackerAt(0)
  tracker.track(0)
  expect([tracker.pass(5), tracker.pass(5), tracker.pass(3)]).toEqual([true, false, false])
  expect(tracker.lowWater).toBe(0)
  tracker.done(0)
  expect([tracker.lowWater, tracker.next, reopened(tracker).lowWater]).toEqual([5, 5, 5])
})

test('a record that stands for several offsets is done with all of them', () => {
  const tracker = trackerAt(0)
  expect(tracker.track(0)).toBe(true)
  expect(tracker.track(1, 9)).toBe(true)
  expect(tracker.track(10)).toBe(true)
  tracker.done(1)
  const again = reopened(tracker)
  expect([again.track(0), again.track(1, 9), again.track(10)]).toEqual([true, false, true])
  tracker.done(0)
  expect(tracker.lowWater).toBe(10)
  tracker.done(10)
  expect(tracker.lowWater).toBe(11)
})

test('what was done before a restart is not done again', () => {
  const before = trackerAt(5)
  for (let offset = 5; offset < 15; offset++) before.track(offset)
  for (const offset of [6, 7, 9, 14]) before.done(offset)
  const after = reopened(before)
  const again = Array.from({ length: 10 }, (_, at) => 5 + at).filter((offset) => after.track(offset))
  expect(again).toEqual([5, 8, 10, 11, 12, 13])
})

test('what waited in place and was compacted away since is forgotten: it must not count against those that are there', () => {
  const before = trackerAt(5)
  for (const offset of [5, 6, 7]) before.track(offset)
  for (const offset of [5, 6, 7]) before.failedInPlace(offset, { attempts: 2, firstFailedAtMs: 1_000 })
  const after = reopened(before)
  after.track(7)
  expect([5, 6, 7].map((offset) => after.inPlace(offset)?.attempts)).toEqual([undefined, undefined, 2])
  expect(decodeMarks(after.encode(), after.lowWater).inPlace.map(([offset]) => offset)).toEqual([7])
})

test('where the oldest records have expired, the commit still tells of those that are left', () => {
  const before = trackerAt(5)
  for (let offset = 5; offset < 15; offset++) before.track(offset)
  for (const offset of [6, 9, 12]) before.done(offset)
  before.failedInPlace(10, { attempts: 3, firstFailedAtMs: 1_000 })
  const after = new OffsetTracker({ position: 8, metadata: before.encode(), metadataOffset: before.lowWater })
  const again = [8, 9, 10, 11, 12, 13].filter((offset) => after.track(offset))
  expect(again).toEqual([8, 10, 11, 13])
  expect(after.inPlace(10)).toEqual({ attempts: 3, firstFailedAtMs: 1_000 })
})

test('a record that is read again after a seek is not tracked twice', () => {
  const tracker = trackerAt(0)
  tracker.track(0)
  expect(tracker.track(0)).toBe(false)
  tracker.done(0)
  expect([tracker.track(0), tracker.lowWater]).toEqual([false, 1])
})

test('acknowledging what is unknown or done changes nothing', () => {
  const tracker = trackerAt(0)
  tracker.track(0)
  tracker.done(5)
  tracker.done(-1)
  expect([tracker.lowWater, tracker.pending]).toEqual([0, 1])
  tracker.done(0)
  tracker.done(0)
  expect([tracker.lowWater, tracker.pending]).toEqual([1, 0])
})

test('attempts of records that wait in place survive a restart, until they are done', () => {
  const before = trackerAt(100)
  before.track(100)
  before.track(101)
  before.failedInPlace(101, { attempts: 3, firstFailedAtMs: 1_795_000_000_000 })
  const after = reopened(before)
  after.track(100)
  after.track(101)
  expect(after.inPlace(101)).toEqual({ attempts: 3, firstFailedAtMs: 1_795_000_000_000 })
  after.done(101)
  expect(after.inPlace(101)).toBeUndefined()
})

test('any order of acknowledgements leads to the mark a plain set of done offsets has, also over restarts', () => {
  const step = fc.record({ at: fc.nat(60), restart: fc.boolean() })
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 60 }),
      fc.array(step),
      (gaps, steps) => {
        let next = 0
        const offsets = gaps.map((gap) => (next += gap))
        let tracker = trackerAt(0)
        offsets.forEach((offset) => tracker.track(offset))
        const done = new Set<number>()
        for (const { at, restart } of steps) {
          const offset = offsets[at % offsets.length]!
          tracker.done(offset)
          done.add(offset)
          if (!restart) continue
          tracker = reopened(tracker)
          for (const each of offsets) if (each >= tracker.lowWater) tracker.track(each)
        }
        const open = offsets.filter((offset) => !done.has(offset))
        expect(tracker.pending).toBe(open.length)
        expect(tracker.lowWater).toBe(open[0] ?? offsets.at(-1)! + 1)
      },
    ),
  )
})

test('marks read back as they were written, and always fit into a commit', () => {
  const state = fc.record({ attempts: fc.integer({ min: 1, max: 99 }), firstFailedAtMs: fc.nat(2 ** 41) })
  fc.assert(
    fc.property(
      fc.nat(2 ** 40),
      fc.uniqueArray(fc.nat(15_000), { maxLength: 3_000 }),
      fc.uniqueArray(fc.tuple(fc.nat(15_000), state), { maxLength: 20, selector: ([offset]) => offset }),
      (base, ahead, waiting) => {
        const done = ahead.map((offset) => base + offset).sort((a, b) => a - b)
        const inPlace = waiting.map(([offset, known]) => [base + offset, known] as const)
        const text = encodeMarks({ done, inPlace }, base)
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(LIMIT)
        const read = decodeMarks(text, base)
        expect(read.done).toEqual(done)
        expect(read.inPlace).toEqual([...inPlace].sort((a, b) => a[0] - b[0]))
      },
    ),
  )
})

test('of more than fits, what is told is true: the beginning of it', () => {
  const done = Array.from({ length: 50_000 }, (_, n) => n * 3)
  const inPlace = Array.from({ length: 5_000 }, (_, n) => [n, { attempts: 300, firstFailedAtMs: n * 2 ** 30 }] as const)
  const text = encodeMarks({ done, inPlace }, 0)
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(LIMIT)
  const read = decodeMarks(text, 0)
  expect(read.done.length).toBeGreaterThan(500)
  expect(read.done).toEqual(done.slice(0, read.done.length))
  const waiting = decodeMarks(encodeMarks({ done: [], inPlace }, 0), 0).inPlace
  expect(waiting.length).toBeGreaterThan(100)
  expect(waiting).toEqual(inPlace.slice(0, waiting.length))
})

test('the most that a tracker admits fits into a commit, whatever is done and waits of it', () => {
  const tracker = trackerAt(0)
  let offset = 0
  for (; tracker.fits; offset++) tracker.track(offset)
  expect(offset).toBeGreaterThan(16_000)
  for (let done = 2; done < offset; done += 2) tracker.done(done)
  for (let failed = 1; tracker.roomInPlace(0) > 0; failed += 2)
    tracker.failedInPlace(failed, { attempts: 9, firstFailedAtMs: 1_795_000_000_000 + failed * 1_000 })
  const restored = decodeMarks(tracker.encode(), tracker.lowWater)
  expect(Buffer.byteLength(tracker.encode())).toBeLessThanOrEqual(LIMIT)
  expect(restored.done).toHaveLength(Math.ceil(offset / 2) - 1)
  expect(restored.inPlace.length).toBeGreaterThan(10)
  expect(restored.inPlace.every(([at]) => tracker.inPlace(at) !== undefined)).toBe(true)
  for (let done = 0; done < offset / 2; done++) tracker.done(done)
  expect([tracker.fits, tracker.roomInPlace(0) > 0]).toEqual([true, true])
})

test('120 of a partition may wait in place, those that run and might fail counted', () => {
  const tracker = trackerAt(0)
  for (let offset = 0; offset < 200; offset++) tracker.track(offset)
  for (let offset = 0; offset < 100; offset++) tracker.failedInPlace(offset, { attempts: 1, firstFailedAtMs: 1 })
  expect([tracker.roomInPlace(19), tracker.roomInPlace(20)]).toEqual([1, 0])
  tracker.done(7)
  expect(tracker.roomInPlace(20)).toBe(1)
})

test('metadata that is damaged, or of another make, counts as none', () => {
  for (const text of ['', 'no base64!', 'AAAA', 'Ug==', Buffer.from([0x52, 200]).toString('base64'), 'x'.repeat(4_000)])
    expect(decodeMarks(text, 7)).toEqual({ done: [], inPlace: [] })
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const marks = decodeMarks(Buffer.from(bytes).toString('base64'), 3)
      expect(marks.done.length).toBeLessThanOrEqual(1_000_000)
    }),
  )
})
