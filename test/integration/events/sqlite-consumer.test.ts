import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { SqliteEventLog } from '../../../events/sqlite/sqlite-event-log.ts'
import { eventually } from '../../builders/eventually.ts'
import { Listener } from '../../conformance/event-log/harness.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'
import { newRecord, useSqliteBed } from './sqlite-bed.ts'

const bed = useSqliteBed()
const KIB = 1024
let clock: FakeClock
let log: SqliteEventLog
let listener: Listener | undefined

beforeEach(() => {
  clock = new FakeClock()
  log = bed.open({ clock, now: clock.now })
})
afterEach(() => listener?.consumer.close())

async function send(count: number, bytes = 10, partition = 0): Promise<void> {
  for (let at = 0; at < count; at += 200) {
    const records = Array.from({ length: Math.min(200, count - at) }, () =>
      newRecord(Buffer.alloc(bytes), { partition }),
    )
    await log.send(records)
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('one call has at most 500 records', async () => {
  await send(2_000)
  listener = new Listener(log, { group: 'group', topics: ['orders'] })
  await eventually('all', () => listener!.records.length === 2_000)
  expect(listener.batches.map((batch) => batch.length)).toEqual([500, 500, 500, 500])
})

test('one call has at most 1 MiB, headers counted, but a record of more than that comes alone', async () => {
  await send(10, 300 * KIB)
  const headers = [['h', Buffer.alloc(30 * KIB)] as const]
  await log.send([newRecord(Buffer.alloc(1024 * KIB), { partition: 0, headers })])
  listener = new Listener(log, { group: 'group', topics: ['orders'] })
  await eventually('all', () => listener!.records.length === 11)
  expect(listener.batches.map((batch) => batch.length)).toEqual([3, 3, 3, 1, 1])
})

test('partitions take turns: one with a long backlog does not hold up the others', async () => {
  await send(5_000, 10, 0)
  await send(10, 10, 1)
  listener = new Listener(log, { group: 'group', topics: ['orders'] })
  await eventually('all', () => listener!.records.length === 5_010)
  const at = listener.batches.findIndex((batch) => batch[0]?.partition === 1)
  expect(at).toBeLessThanOrEqual(1)
})

test('a turn hands out about 1,000 records or 1 MiB, however many partitions are ready', async () => {
  await log.ensureTopics([{ topic: 'orders', partitions: 20 }])
  for (let partition = 0; partition < 20; partition++) await send(2, 600 * KIB, partition)
  let inTurn = 0
  let most = 0
  listener = new Listener(log, {
    group: 'group',
    topics: ['orders'],
    onRecords: (_partition, records) => {
      if (inTurn === 0) setImmediate(() => (inTurn = 0))
      inTurn += records.length
      most = Math.max(most, inTurn)
      listener!.records.push(...records)
    },
  })
  await eventually('all', () => listener!.records.length === 40)
  expect(most).toBeLessThanOrEqual(2)
})

test('a consumer without anything to read has no timer and is not woken', async () => {
  const before = clock.pending
  listener = new Listener(log, { group: 'group', topics: ['orders'] })
  await log.ensureTopics([{ topic: 'orders', partitions: 3 }])
  await eventually('assigned', () => listener!.held.size === 3)
  expect(clock.pending).toBe(before)
})

test('a receiver that keeps failing is asked once a second, however many records come', async () => {
  let calls = 0
  listener = new Listener(log, {
    group: 'group',
    topics: ['orders'],
    onRecords: () => {
      calls++
      throw new Error('no')
    },
  })
  for (let n = 0; n < 20; n++) await send(1)
  await eventually('called', () => calls > 0)
  for (let n = 0; n < 10; n++) await turn()
  expect(calls).toBe(1)
  clock.advance(1_000)
  await turn()
  await turn()
  expect(calls).toBe(2)
  expect(listener.errors.map(({ message }) => message)).toEqual(['no', 'no'])
})

test('a commit that nobody waits for is seen by whoever is assigned next', async () => {
  await send(3)
  const first = new Listener(log, { group: 'group', topics: ['orders'] })
  await eventually('all', () => first.records.length === 3)
  first.beforeLetGo = async () => void first.commitAll()
  listener = new Listener(log, { group: 'group', topics: ['orders'] })
  await first.consumer.close()
  await eventually('assigned', () => listener!.held.size === 6)
  expect(listener.assigned.find(({ partition }) => partition === 0)?.position).toBe(3)
  expect(listener.records).toEqual([])
})

test('a commit behind the deletion of its topic, in the same turn, is refused', async () => {
  await send(1)
  listener = new Listener(log, { group: 'group', topics: ['orders'] })
  await eventually('the record', () => listener!.records.length === 1)
  const [deleted, committed] = await Promise.allSettled([log.deleteTopics(['orders']), listener.commitAll()])
  expect(deleted.status).toBe('fulfilled')
  expect(committed).toMatchObject({ status: 'rejected', reason: { code: 'not-assigned' } })
})
