import { beforeEach, describe, expect, test } from '@jest/globals'
import { DatabaseSync } from 'node:sqlite'
import { readToEnd } from '../../../events/read-topic.ts'
import type { SqliteEventLog } from '../../../events/sqlite/sqlite-event-log.ts'
import { eventually } from '../../builders/eventually.ts'
import { Listener } from '../../conformance/event-log/harness.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'
import { newRecord, useSqliteBed } from './sqlite-bed.ts'

const bed = useSqliteBed()
const HOUR_MS = 3_600_000
let clock: FakeClock
let log: SqliteEventLog

beforeEach(async () => {
  clock = new FakeClock()
  log = bed.open({ clock, now: clock.now, ledgerRetentionMs: 24 * HOUR_MS })
  await log.ensureTopics([{ topic: 'orders', partitions: 1, retentionMs: HOUR_MS }])
})

const ends = async () => (await log.endOffsets('orders'))[0]
const send = (...values: string[]) => log.send(values.map((value) => newRecord(value)))
const countRows = async (table: 'records' | 'positions'): Promise<unknown> => {
  await log.close()
  const database = new DatabaseSync(bed.path, { readOnly: true })
  const row = database.prepare(`SELECT count(*) AS number FROM ${table}`).get()
  database.close()
  return row?.['number']
}

describe('retention', () => {
  test('deletes what is older than the topic keeps, no more; the next offset stays', async () => {
    await send('a', 'b')
    clock.advance(HOUR_MS)
    await send('c')
    await log.retention.run()
    expect(await ends()).toEqual({ partition: 0, begin: 0, end: 3 })
    clock.advance(1)
    await log.retention.run()
    expect(await ends()).toEqual({ partition: 0, begin: 2, end: 3 })
    clock.advance(2 * HOUR_MS)
    await log.retention.run()
    expect(await ends()).toEqual({ partition: 0, begin: 3, end: 3 })
    expect(await send('d')).toMatchObject([{ offset: 3 }])
  })

  test('begin and end are what they were after the log is opened anew', async () => {
    await send('a', 'b')
    clock.advance(HOUR_MS + 1)
    await log.retention.run()
    await log.close()
    log = bed.open({ clock, now: clock.now })
    expect(await ends()).toEqual({ partition: 0, begin: 2, end: 2 })
  })

  test('deletes any number, in slices that let others have their turn', async () => {
    for (let n = 0; n < 6; n++) await log.send(Array.from({ length: 500 }, () => newRecord('x')))
    clock.advance(HOUR_MS + 1)
    let turns = 0
    let isOver = false
    const others = async () => {
      for (; !isOver; turns++) await new Promise((resolve) => setImmediate(resolve))
    }
    await Promise.all([others(), log.retention.run().finally(() => (isOver = true))])
    expect(await ends()).toEqual({ partition: 0, begin: 3_000, end: 3_000 })
    expect(turns).toBeGreaterThanOrEqual(6)
  })

  test('goes on by itself every minute', async () => {
    await send('a')
    clock.advance(60_000)
    await eventually('the next time is set', () => clock.pending === 1)
    expect((await ends())?.begin).toBe(0)
    clock.jump(HOUR_MS)
    clock.advance(60_000)
    await eventually('the record is gone', async () => (await ends())?.begin === 1)
  })

  test('a consumer whose position was deleted goes on with the oldest that is there', async () => {
    await send('a', 'b')
    const first = new Listener(log, { group: 'group', topics: ['orders'] })
    await eventually('both', () => first.records.length === 2)
    await first.consumer.commit([{ topic: 'orders', partition: 0, offset: 1, metadata: 'm' }])
    await first.consumer.close()
    clock.advance(HOUR_MS + 1)
    await send('c')
    await log.retention.run()
    const second = new Listener(log, { group: 'group', topics: ['orders'] })
    await eventually('the rest', () => second.records.length === 1)
    expect(second.assigned).toEqual([{ topic: 'orders', partition: 0, position: 2, metadata: 'm', metadataOffset: 1 }])
    expect(second.texts).toEqual(['c'])
  })

  test('who reads to an end that is deleted meanwhile is done', async () => {
    await log.send(Array.from({ length: 800 }, (_, n) => newRecord(`${n}`)))
    let seen = 0
    await readToEnd({
      ...{ log, topics: ['orders'], group: 'reader' },
      onRecords: async (records) => {
        seen += records.length
        clock.advance(HOUR_MS + 1)
        await log.retention.run()
      },
    })
    expect(seen).toBe(500)
  })

  test('a paused consumer that is overtaken goes on with the oldest that is there', async () => {
    const listener = new Listener(log, { group: 'group', topics: ['orders'] })
    await eventually('assigned', () => listener.held.size === 1)
    listener.consumer.pause([{ topic: 'orders', partition: 0 }])
    await send('a', 'b')
    clock.advance(HOUR_MS + 1)
    await send('c')
    await log.retention.run()
    listener.consumer.resume([{ topic: 'orders', partition: 0 }])
    await eventually('the rest', () => listener.records.length > 0)
    expect(listener.texts).toEqual(['c'])
  })

  test('a clock that goes back makes it keep longer, never delete more', async () => {
    await send('a')
    clock.jump(-10 * HOUR_MS)
    await send('b')
    await log.retention.run()
    expect(await ends()).toEqual({ partition: 0, begin: 0, end: 2 })
    const listener = new Listener(log, { group: 'group', topics: ['orders'] })
    await eventually('both', () => listener.records.length === 2)
    expect(listener.texts).toEqual(['a', 'b'])
    expect(listener.records[1]!.timestampMs).toBeLessThan(listener.records[0]!.timestampMs)
    clock.advance(11 * HOUR_MS + 1)
    await log.retention.run()
    expect(await ends()).toEqual({ partition: 0, begin: 2, end: 2 })
  })

  test('sweeps the records of deleted topics, and of those only', async () => {
    await send('a')
    await log.send(Array.from({ length: 1_200 }, () => newRecord('b', { topic: 'gone' })))
    await log.deleteTopics(['gone'])
    await log.send([newRecord('c', { topic: 'gone' })])
    await log.retention.run()
    expect(await countRows('records')).toBe(2)
  })

  test('leaves no position of a group in a deleted topic behind', async () => {
    await send('a')
    const listener = new Listener(log, { group: 'group', topics: ['orders'] })
    await eventually('the record', () => listener.records.length === 1)
    await listener.commitAll()
    await log.deleteTopics(['orders'])
    expect(await countRows('positions')).toBe(0)
  })

  test('is over when the log is closed, without a word', async () => {
    for (let n = 0; n < 6; n++) await log.send(Array.from({ length: 500 }, () => newRecord('x')))
    clock.advance(HOUR_MS + 1)
    const running = log.retention.run().catch((error: unknown) => error)
    await log.close()
    await running
    expect(clock.pending).toBe(0)
  })
})

describe('the ledger', () => {
  const state = { id: '1', functionKey: 'default/f', status: 'succeeded', acceptedAtMs: 1, attempts: 2 } as const

  test('keeps what it was told last, to the last field', async () => {
    await log.ledger.put({ ...state, status: 'queued', attempts: 0 })
    const result = { status: 200, contentType: 'text/plain', body: Buffer.from([0, 255]), truncated: false }
    const failure = { class: 'http-5xx', status: 503, message: 'no' } as const
    const full = { ...state, nextAttemptAtMs: 5, finishedAtMs: 6, result, failure, destinationFailure: 'gone' }
    await log.ledger.put(full)
    expect(await log.ledger.get('1')).toEqual(full)
    expect(await log.ledger.get('2')).toBeUndefined()
  })

  test('cuts long results and says so', async () => {
    const body = Buffer.alloc(300 * 1024, 'x')
    await log.ledger.put({ ...state, result: { status: 200, contentType: 'text/plain', body, truncated: false } })
    const result = (await log.ledger.get('1'))?.result
    expect([result?.body.length, result?.truncated]).toEqual([256 * 1024, true])
  })

  test('forgets what nobody touched for the retention time', async () => {
    await Promise.all(Array.from({ length: 1_100 }, (_, n) => log.ledger.put({ ...state, id: `old-${n}` })))
    clock.advance(23 * HOUR_MS)
    await log.ledger.put({ ...state, id: 'old-7' })
    clock.advance(HOUR_MS + 1)
    await log.retention.run()
    expect(await log.ledger.get('old-6')).toBeUndefined()
    expect(await log.ledger.get('old-1099')).toBeUndefined()
    expect(await log.ledger.get('old-7')).toBeDefined()
  })
})
