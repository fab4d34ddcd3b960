import { expect, test } from '@jest/globals'
import { setImmediate as turn } from 'node:timers/promises'
import { decodeMarks } from '../../../../events/commit-metadata.ts'
import { HandOvers } from '../../../../events/consumption/hand-overs.ts'
import { EventLogError, type CommittedOffset, type NewRecord } from '../../../../events/event-log.ts'
import { OffsetTracker } from '../../../../events/offset-tracker.ts'

const record = (value: string): NewRecord => ({ topic: 'tier', key: null, value: Buffer.from(value), headers: [] })

/** Ten records from offset 0 on; `answer` is asked what becomes of each hand-over. */
function handingOver(answer: (values: string[]) => Promise<void>) {
  const tracker = new OffsetTracker({ position: 0, metadata: '' })
  for (let offset = 0; offset < 10; offset++) tracker.track(offset)
  const seen: { values: string[]; done: (number | string)[] }[] = []
  const handOver = (records: readonly NewRecord[], { offset, metadata }: CommittedOffset) => {
    const values = records.map(({ value }) => String(value))
    seen.push({ values, done: [`<${offset}`, ...decodeMarks(metadata, offset).done] })
    return answer(values)
  }
  const handOvers = new HandOvers({ id: { topic: 'orders', partition: 0 }, tracker, handOver: () => handOver })
  const add = (offset: number) =>
    handOvers.add(offset, [record(String(offset))]).then(
      () => 'stored',
      (error: unknown) => (error as EventLogError).code,
    )
  return { tracker, seen, handOvers, add }
}

test('what fails at once goes at once, with one commit that says so of each; what fails meanwhile goes next', async () => {
  const first = Promise.withResolvers<void>()
  const { tracker, seen, handOvers, add } = handingOver(async ([value]) => (value === '0' ? first.promise : undefined))
  const going = [add(0), add(1), add(4)]
  await turn()
  expect([seen, handOvers.isBusy]).toEqual([[{ values: ['0', '1', '4'], done: ['<2', 4] }], true])
  going.push(add(2), add(3))
  tracker.done(6)
  expect(tracker.lowWater).toBe(0)
  first.resolve()
  expect(await Promise.all(going)).toEqual(['stored', 'stored', 'stored', 'stored', 'stored'])
  expect(seen[1]).toEqual({ values: ['2', '3'], done: ['<5', 6] })
  expect([tracker.lowWater, handOvers.isBusy]).toEqual([5, false])
})

test('where one is refused each goes alone, and only that one fails', async () => {
  const { tracker, seen, add } = handingOver(async (values) => {
    if (values.includes('1')) throw new EventLogError('too-large', 'too large')
  })
  expect(await Promise.all([add(0), add(1), add(2)])).toEqual(['stored', 'too-large', 'stored'])
  expect(seen.map(({ values }) => values)).toEqual([['0', '1', '2'], ['0'], ['1'], ['2']])
  expect(tracker.commitWith(new Set([1]))).toMatchObject({ offset: 3 })
  expect(tracker.lowWater).toBe(1)
})

test('nothing counts as done of what may not be stored', async () => {
  const { tracker, add } = handingOver(async () => {
    throw new EventLogError('not-assigned', 'it is another’s')
  })
  expect(await Promise.all([add(0), add(1)])).toEqual(['not-assigned', 'not-assigned'])
  expect([tracker.lowWater, tracker.pending]).toEqual([0, 10])
})
