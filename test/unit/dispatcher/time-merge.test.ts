import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { TimeMerge } from '../../../dispatcher/management/time-merge.ts'
import type { LogRecord } from '../../../events/event-log.ts'
import { logRecord } from '../../builders/delivery.ts'

const chunk = (partition: number, first: number, times: readonly number[]): LogRecord[] =>
  times.map((timestampMs, index) => logRecord({ partition, offset: first + index, timestampMs }))

const collect = async (merge: TimeMerge): Promise<LogRecord[]> => {
  const all: LogRecord[] = []
  for await (const record of merge) all.push(record)
  return all
}
const times = (records: readonly LogRecord[]) => records.map(({ timestampMs }) => timestampMs)

describe('records of several partitions', () => {
  test('come in the order of their times, whatever chunks they are handed in', async () => {
    const partitions = fc.array(fc.array(fc.nat(1_000), { maxLength: 20 }), { maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(partitions, fc.integer({ min: 1, max: 5 }), async (lists, size) => {
        const sorted = lists.map((list) => list.sort((a, b) => a - b))
        const ends = sorted.map((list, partition) => [partition, list.length] as const)
        const merge = new TimeMerge(new Map(ends.filter(([, end]) => end > 0)))
        const reading = collect(merge)
        await Promise.all(
          sorted.map(async (list, partition) => {
            for (let at = 0; at < list.length; at += size)
              await merge.push(chunk(partition, at, list.slice(at, at + size)))
          }),
        )
        merge.end()
        expect(times(await reading)).toEqual(sorted.flat().sort((a, b) => a - b))
      }),
    )
  })

  test('keep the order of offsets within a partition, even against their times', async () => {
    const merge = new TimeMerge(new Map([[0, 3]]))
    const reading = collect(merge)
    await merge.push(chunk(0, 0, [5, 1, 9]))
    expect(times(await reading)).toEqual([5, 1, 9])
  })

  test('wait for the partition that has not said anything yet', async () => {
    const merge = new TimeMerge(
      new Map([
        [0, 1],
        [1, 1],
      ]),
    )
    const reading = collect(merge)
    const first = merge.push(chunk(0, 0, [2]))
    await merge.push(chunk(1, 0, [1]))
    await first
    expect(times(await reading)).toEqual([1, 2])
  })

  test('do not wait for one whose last offsets hold no record, nor for the rest of a batch that cannot be decoded', async () => {
    const merge = new TimeMerge(
      new Map([
        [0, 2],
        [1, 5],
      ]),
    )
    const reading = collect(merge)
    const undecodable = { firstOffset: 0, lastOffset: 4, reason: 'damaged' }
    const all = [merge.push(chunk(0, 0, [1])), merge.push(chunk(1, 0, [2]).map((each) => ({ ...each, undecodable })))]
    await all[0]
    merge.endOf(0)
    await all[1]
    expect(times(await reading)).toEqual([1, 2])
  })

  test('let go whoever hands them in when nobody wants them any more', async () => {
    const merge = new TimeMerge(new Map([[0, 9]]))
    const pushed = merge.push(chunk(0, 0, [1, 2]))
    merge.end()
    await pushed
    await merge.push(chunk(0, 2, [3]))
    expect(await collect(merge)).toEqual([])
  })

  test('end with the error their reader ended with', async () => {
    const merge = new TimeMerge(new Map([[0, 9]]))
    const reading = collect(merge)
    merge.end(new Error('the log was closed'))
    await expect(reading).rejects.toThrow('the log was closed')
  })
})
