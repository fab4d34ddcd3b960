import { expect, jest, test } from '@jest/globals'
import type { CommittedOffset, RecordPosition } from '../../../events/event-log.ts'
import { eventually } from '../../builders/eventually.ts'
import { Listener, text, unique } from '../../conformance/event-log/harness.ts'
import { newRecord, useSqliteBed } from './sqlite-bed.ts'

jest.setTimeout(60_000)
const bed = useSqliteBed()
/** Of the n-th kill: how many acknowledgements it waits for, so that kills fall into all parts of a round. */
const KILLS = [1, 7, 20, 3, 45]

interface Said {
  round?: number
  positions?: RecordPosition[]
  committed?: CommittedOffset
}

const keyOf = ({ topic, partition, offset }: RecordPosition) => `${topic}/${partition}/${offset}`

test('a process killed while it sends and commits leaves every acknowledged record, position and invocation', async () => {
  const acknowledged = new Set<string>()
  const committed = new Map<number, CommittedOffset>()
  let round = 0
  for (const kill of KILLS) {
    const running = bed.run('write')
    const said: Said[] = []
    for (let n = 0; n < kill; n++) said.push(await running.next())
    said.push(...((await running.kill()) as Said[]))
    for (const each of said) {
      each.positions?.forEach((position) => acknowledged.add(keyOf(position)))
      if (each.committed !== undefined) committed.set(each.committed.partition, each.committed)
      round = Math.max(round, each.round ?? 0)
    }
  }
  expect(acknowledged.size).toBeGreaterThan(100)
  const log = bed.open()
  const ends = await log.endOffsets('orders')
  const listener = new Listener(log, { group: unique('all'), topics: ['orders'] })
  const count = ends.reduce((sum, { end }) => sum + end, 0)
  await eventually('all records', () => listener.records.length >= count)
  const found = new Map(listener.records.map((record) => [keyOf(record), record]))
  expect([...acknowledged].filter((key) => !found.has(key))).toEqual([])
  // Both records of a send, or none.
  const texts = listener.records.map(text)
  const sends = new Map<string, number>()
  for (const each of texts) sends.set(each.slice(0, -2), (sends.get(each.slice(0, -2)) ?? 0) + 1)
  expect([...sends.values()].filter((records) => records !== 2)).toEqual([])
  expect(new Set(texts).size).toBe(texts.length)
  // What was said may be behind what was stored, never ahead.
  for (const { partition, offset, metadata } of await log.committed('readers')) {
    expect(offset).toBeGreaterThanOrEqual(committed.get(partition)?.offset ?? 0)
    expect(metadata).toBe(`m-${offset}`)
  }
  expect((await log.ledger.get('last'))!.attempts).toBeGreaterThanOrEqual(round)
  await listener.consumer.close()
})

test('a group goes on where it was after the log is opened anew, with offsets that go on, too', async () => {
  const first = bed.open()
  await first.ensureTopics([{ topic: 'orders', partitions: 1, retentionMs: 1_000_000 }])
  await first.send(['a', 'b'].map((value) => newRecord(value)))
  const before = new Listener(first, { group: 'group', topics: ['orders'] })
  await eventually('both', () => before.records.length === 2)
  await before.consumer.commit([{ topic: 'orders', partition: 0, offset: 1, metadata: 'noted' }])
  await first.close()
  const second = bed.open()
  expect(await second.describe()).toEqual([{ topic: 'orders', partitions: 1, retentionMs: 1_000_000 }])
  expect(await second.send([newRecord('c')])).toEqual([{ topic: 'orders', partition: 0, offset: 2 }])
  const after = new Listener(second, { group: 'group', topics: ['orders'] })
  await eventually('the rest', () => after.records.length === 2)
  expect(after.texts).toEqual(['b', 'c'])
  expect(after.assigned).toEqual([{ topic: 'orders', partition: 0, position: 1, metadata: 'noted' }])
})
