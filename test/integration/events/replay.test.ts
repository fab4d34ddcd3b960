import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { EventLogError, type LogRecord } from '../../../events/event-log.ts'
import { deadLetterRecords, undecodableFailure } from '../../../events/hop-record.ts'
import { Replay } from '../../../events/replay/replay.ts'
import { sourceMeta, textOf } from '../../../events/record-headers.ts'
import { DONE, EventBed, subscription, valueOf, withFailingSends } from '../../builders/event-bed.ts'

let bed: EventBed
let isMended: boolean
beforeEach(() => {
  bed = new EventBed()
  isMended = false
  bed.handle = (delivery) => {
    if (isMended || !valueOf(delivery).startsWith('bad')) return DONE
    const isPoison = valueOf(delivery).includes('poison')
    return {
      kind: 'rejected',
      failure: { class: isPoison ? 'decode' : 'http-4xx', message: `cannot take ${valueOf(delivery)}` },
    }
  }
})
afterEach(() => bed.stop())

const replay = () => new Replay({ log: bed.log, clock: bed.clock, now: bed.clock.now, owner: subscription() })
const listed = async (filter = {}) =>
  (await replay().list(filter, 100)).map(({ record }) => record.value?.toString()).sort()
const values = () => bed.seen.map(({ value }) => value)

test('a dead letter that is replayed goes to its function as a first attempt, not to the source', async () => {
  await bed.consume()
  await bed.publish('k:bad1', 'good')
  expect(await listed()).toEqual(['bad1'])
  isMended = true
  const ends = await bed.log.endOffsets('orders')
  expect(await replay().redrive({ filter: {} })).toEqual({ matched: 1, moved: 1, refused: [] })
  await bed.settle()
  expect(values().sort()).toEqual(['bad1', 'bad1', 'good'])
  const again = bed.seen.filter(({ value }) => value === 'bad1')
  expect(again[1]).toMatchObject({ attempt: 1, deliveryId: again[0]?.deliveryId })
  expect(await bed.log.endOffsets('orders')).toEqual(ends)
  expect(await listed()).toEqual([])
})

test('what was replayed is not replayed again, also after a restart', async () => {
  await bed.consume()
  await bed.publish('bad1', 'bad2')
  await replay().redrive({ filter: { id: (await replay().list({}, 1))[0]!.id } })
  await bed.reopen()
  isMended = true
  const result = await replay().redrive({ filter: {} })
  // One was never replayed, one failed again and is a dead letter anew.
  expect(result.moved).toBeLessThanOrEqual(2)
  expect((await replay().redrive({ filter: {} })).matched).toBe(0)
})

test.each([
  ['class', { class: 'decode' as const }, ['bad-poison']],
  ['key', { key: 'k2' }, ['bad2']],
  ['origin', { origin: 'orders' }, ['bad-poison', 'bad1', 'bad2']],
  ['another origin', { origin: 'payments' }, []],
  ['time', { sinceMs: Number.MAX_SAFE_INTEGER }, []],
  ['no id', { id: '9-999' }, []],
])('dead letters are chosen by %s', async (_, filter, want) => {
  await bed.consume()
  await bed.publish('k1:bad1', 'k2:bad2', 'k3:bad-poison')
  expect(await listed(filter)).toEqual(want)
})

test('a dry run says what it would do and does nothing', async () => {
  await bed.consume()
  await bed.publish('bad1', 'bad2')
  expect(await replay().redrive({ filter: {}, dryRun: true })).toEqual({ matched: 2, moved: 0, refused: [] })
  expect(await replay().purge({ filter: {}, dryRun: true })).toEqual({ matched: 2, moved: 0, refused: [] })
  expect(await listed()).toEqual(['bad1', 'bad2'])
})

test('what is purged is neither listed nor replayed, and still in the topic', async () => {
  await bed.consume()
  await bed.publish('k:bad1', 'bad2')
  expect((await replay().purge({ filter: { key: 'k' } })).moved).toBe(1)
  expect(await listed()).toEqual(['bad2'])
  expect(await bed.deadLetters()).toHaveLength(2)
})

test('a replay keeps to its rate', async () => {
  await bed.consume()
  await bed.publish('bad1', 'bad2', 'bad3')
  isMended = true
  const redriving = replay().redrive({ filter: {}, ratePerSecond: 10 })
  await bed.settle()
  expect(values().filter((value) => value.startsWith('bad'))).toHaveLength(4)
  await bed.advance(100)
  expect(values().filter((value) => value.startsWith('bad'))).toHaveLength(5)
  await bed.advance(300, 100)
  expect((await redriving).moved).toBe(3)
})

test('one that fails again while others are still replayed slowly waits for the next replay', async () => {
  await bed.consume()
  await bed.publish('a:bad1', 'b:bad2', 'c:bad3', 'd:bad4', 'e:bad5')
  const redriving = replay().redrive({ filter: {}, ratePerSecond: 10 })
  await bed.settle()
  await bed.advance(3_000, 100)
  expect(await redriving).toEqual({ matched: 5, moved: 5, refused: [] })
  expect(await listed()).toEqual(['bad1', 'bad2', 'bad3', 'bad4', 'bad5'])
})

test('the bytes of a batch that could not be decoded are listed, refused with a sentence, and can be given up', async () => {
  await bed.consume()
  await bed.publish('bad1')
  isMended = true
  const record: LogRecord = {
    ...{ topic: 'orders', partition: 0, offset: 7, timestampMs: 1, key: null, value: Buffer.from([1]), headers: [] },
    undecodable: { firstOffset: 7, lastOffset: 9, reason: 'damaged' },
  }
  const failure = undecodableFailure(record)!
  const letter = { subscription: subscription(), record, meta: sourceMeta(record, 'uid'), failure, group: 'g' }
  await bed.log.send(deadLetterRecords(letter))
  const { moved, refused } = await replay().redrive({ filter: {} })
  expect([moved, refused.map(({ reason }) => reason)]).toEqual([
    1,
    [expect.stringContaining('cannot be replayed as records')],
  ])
  const [left, ...more] = await replay().list({}, 10)
  expect([left?.meta.batch, more]).toEqual([{ firstOffset: 7, lastOffset: 9, part: 1, parts: 1 }, []])
  expect(await replay().purge({ filter: {} })).toMatchObject({ moved: 1, refused: [] })
  expect(await listed()).toEqual([])
})

test('a dead letter that its retry tier does not take is refused with a sentence, and those behind it are replayed', async () => {
  await bed.consume()
  await bed.publish('bad1', 'bad2')
  const log = withFailingSends(bed.log, ({ value }) =>
    value?.toString() === 'bad1' ? new EventLogError('too-large', 'expected less, got more') : undefined,
  )
  const strict = new Replay({ log, clock: bed.clock, now: bed.clock.now, owner: subscription() })
  const { matched, moved, refused } = await strict.redrive({ filter: {} })
  expect([matched, moved, refused.map(({ reason }) => reason)]).toEqual([
    ...[2, 1],
    ['the retry tier does not take it: expected less, got more'],
  ])
  isMended = true
  expect(await listed()).toContain('bad1')
})

test('a dead letter that was replayed ten times is refused with a sentence', async () => {
  await bed.consume()
  await bed.publish('bad1')
  for (let time = 0; time < 10; time++) {
    expect((await replay().redrive({ filter: {} })).moved).toBe(1)
    await bed.settle()
  }
  const { moved, refused } = await replay().redrive({ filter: {} })
  expect([moved, refused[0]?.reason]).toEqual([0, 'it was replayed 10 times already'])
  const letters = await bed.read('dormouse.default.mailer.dlt')
  expect(letters.map(({ headers }) => textOf(headers, 'dormouse-redrive-count') ?? '0')).toContain('10')
})

test('replays of an ordered Trigger keep the order of a key', async () => {
  await bed.consume(subscription({ ordering: 'key' }))
  await bed.publish('k:bad1', 'k:bad2', 'k:bad3')
  isMended = true
  bed.seen.length = 0
  await replay().redrive({ filter: {} })
  await bed.settle()
  expect(values()).toEqual(['bad1', 'bad2', 'bad3'])
})

test('of nothing there is nothing to replay', async () => {
  await bed.consume()
  expect(await replay().redrive({ filter: {} })).toEqual({ matched: 0, moved: 0, refused: [] })
  expect(await listed()).toEqual([])
})

test('asked to, it replays again what was replayed or purged, and remembers that as before', async () => {
  await bed.consume()
  await bed.publish('bad1', 'bad2', 'bad3')
  const [first] = await replay().list({}, 1)
  await replay().purge({ filter: { id: first!.id } })
  isMended = true
  bed.seen.length = 0
  expect(await replay().redrive({ filter: {}, again: true, dryRun: true })).toMatchObject({ matched: 3, moved: 0 })
  expect(await replay().redrive({ filter: {}, again: true })).toEqual({ matched: 3, moved: 3, refused: [] })
  await bed.settle()
  expect(values().sort()).toEqual(['bad1', 'bad2', 'bad3'])
  expect(await replay().redrive({ filter: {} })).toMatchObject({ matched: 0 })
  expect(await listed()).toEqual([])
})

test('a replay that is broken off remembers how far it came', async () => {
  await bed.consume()
  await bed.publish('bad1', 'bad2', 'bad3', 'bad4', 'bad5')
  isMended = true
  bed.seen.length = 0
  const stop = new AbortController()
  const broken = replay().redrive({ filter: {}, ratePerSecond: 10, signal: stop.signal })
  const failure = broken.catch((error: unknown) => error)
  await bed.settle()
  await bed.advance(100)
  stop.abort(new Error('gone'))
  expect(await failure).toEqual(new Error('gone'))
  expect(await replay().redrive({ filter: {} })).toMatchObject({ moved: 3 })
  await bed.settle()
  expect(values().sort()).toEqual(['bad1', 'bad2', 'bad3', 'bad4', 'bad5'])
})

test('one whose publish fails stays a dead letter; those before it are done', async () => {
  await bed.consume()
  await bed.publish('bad1', 'bad2', 'bad3')
  let left = 2
  const log = withFailingSends(bed.log, () => (left-- > 0 ? undefined : new EventLogError('full', 'no space')))
  const failing = new Replay({ log, clock: bed.clock, now: bed.clock.now, owner: subscription() })
  isMended = true
  await expect(failing.redrive({ filter: {} })).rejects.toMatchObject({ code: 'full' })
  expect(await listed()).toHaveLength(1)
  expect(await replay().redrive({ filter: {} })).toMatchObject({ moved: 1 })
})

test('two who replay at once replay everything, each letter once', async () => {
  await bed.log.ensureTopics([{ topic: 'dormouse.default.mailer.dlt', partitions: 3 }])
  await bed.consume()
  await bed.publish(...Array.from({ length: 300 }, (_, n) => `key${n}:bad${n}`))
  isMended = true
  bed.seen.length = 0
  const both = await Promise.all([replay().redrive({ filter: {} }), replay().redrive({ filter: {} })])
  await bed.settle()
  expect(both[0].moved + both[1].moved).toBe(300)
  expect(new Set(values()).size).toBe(300)
  expect(values()).toHaveLength(300)
})

test('who looks while another replays sees what is left, and is in nobody’s way', async () => {
  await bed.consume()
  await bed.publish('bad1', 'bad2', 'bad3')
  isMended = true
  const redriving = replay().redrive({ filter: {}, ratePerSecond: 10 })
  await bed.settle()
  expect((await listed()).length).toBeGreaterThan(0)
  await bed.advance(500, 100)
  expect((await redriving).moved).toBe(3)
  expect(await listed()).toEqual([])
})
