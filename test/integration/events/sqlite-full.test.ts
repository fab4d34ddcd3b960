import { describe, expect, jest, test } from '@jest/globals'
import { EventLogError, type EventLog } from '../../../events/event-log.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'
import { eventually } from '../../builders/eventually.ts'
import { Listener } from '../../conformance/event-log/harness.ts'
import { newRecord, useSqliteBed } from './sqlite-bed.ts'

jest.setTimeout(30_000)
const bed = useSqliteBed()
const KIB = 1024
const large = () => newRecord(Buffer.alloc(100 * KIB), { partition: 0 })

const failure = async (action: Promise<unknown>): Promise<EventLogError> => {
  const error = await action.then(
    () => new Error('expected it to fail'),
    (reason: unknown) => reason,
  )
  if (error instanceof EventLogError) return error
  throw error
}

/** Sends until there is no room; how many were taken. */
async function fill(log: EventLog): Promise<number> {
  for (let taken = 0; ; taken++) {
    try {
      await log.send([large(), large()])
    } catch (error) {
      expect(error).toMatchObject({ code: 'full' })
      return taken * 2
    }
  }
}

// A file of at most 2 MiB stands for a disk that is full: SQLite fails with the same error where it would need another page.
describe('without room', () => {
  test('a send says so, stores nothing of it, and what was there is there', async () => {
    const log = bed.open({ maxPages: 512 })
    const taken = await fill(log)
    const { code, message } = await failure(log.send([large(), large()]))
    expect(code).toBe('full')
    expect(message).toContain(`${bed.path} cannot be written (`)
    expect(message).toContain('database or disk is full): make space on its disk')
    const [ends] = await log.endOffsets('orders')
    expect(ends?.end).toBe(taken)
    const listener = new Listener(log, { group: 'group', topics: ['orders'] })
    await eventually('what is stored', () => listener.records.length === taken)
    expect(listener.records.map(({ offset }) => offset)).toEqual(Array.from({ length: taken }, (_, n) => n))
  })

  test('it works again once old records are deleted', async () => {
    const clock = new FakeClock()
    const log = bed.open({ maxPages: 512, clock, now: clock.now, defaults: { retentionMs: 60_000 } })
    const taken = await fill(log)
    clock.advance(60_001)
    await log.retention.run()
    const [position] = await log.send([large()])
    expect(position).toEqual({ topic: 'orders', partition: 0, offset: taken })
  })

  test('it works again once there is room, after a restart', async () => {
    const small = bed.open({ maxPages: 512 })
    const taken = await fill(small)
    await small.close()
    expect((await bed.open().send([large()]))[0]?.offset).toBe(taken)
  })

  test('a file that cannot grow says that it cannot be written, and the record is not half there', async () => {
    const said = await bed.run('outgrow', { fileKib: 1_500 }).next()
    expect(said).toMatchObject({ code: expect.stringMatching(/^(unavailable|full)$/) })
    expect(said['message']).toContain(`${bed.path} cannot be written (`)
    expect(said['sent']).toBeGreaterThan(0)
    expect(said['stored']).toBe(2 * Number(said['sent']))
  })
})

test('one bad record of a turn fails alone, whatever is wrong with it', async () => {
  const log = bed.open()
  await log.ensureTopics([{ topic: 'orders', partitions: 2 }])
  const results = await Promise.allSettled([
    log.send([newRecord('a', { partition: 0 })]),
    log.send([newRecord('b', { partition: 0 }), newRecord('time', { timestampMs: Number.NaN })]),
    log.send([newRecord('key', { key: 'text' as never })]),
    log.send([newRecord('c', { partition: 0 })]),
    log.send([newRecord('name', { headers: [['n'.repeat(70_000), Buffer.alloc(0)]] })]),
    log.ledger.put({ id: '1', functionKey: 'f', status: 'queued', acceptedAtMs: 1, attempts: 0 }),
  ])
  expect(results.map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'rejected',
    'fulfilled',
    'rejected',
    'fulfilled',
  ])
  const listener = new Listener(log, { group: 'group', topics: ['orders'] })
  await eventually('both', () => listener.records.length >= 2)
  expect(listener.records.map(({ offset, value }) => [offset, value?.toString()])).toEqual([
    [0, 'a'],
    [1, 'c'],
  ])
})

test('a topic that is deleted and made smaller in one turn takes what fits, and only the rest fails', async () => {
  const log = bed.open()
  await log.ensureTopics([{ topic: 'orders', partitions: 6 }])
  const results = await Promise.allSettled([
    log.deleteTopics(['orders']),
    log.ensureTopics([{ topic: 'orders', partitions: 1 }]),
    log.send([newRecord('a', { partition: 5 })]),
    log.send([newRecord('b', { partition: 0 })]),
  ])
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
  expect(results[2]).toMatchObject({ reason: { code: 'unknown-topic' } })
  expect(await log.endOffsets('orders')).toEqual([{ partition: 0, begin: 0, end: 1 }])
})
