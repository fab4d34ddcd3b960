import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { DONE, EventBed, failed, newRecord, subscription, valueOf, type Handle } from '../../builders/event-bed.ts'

let bed: EventBed
beforeEach(async () => {
  bed = new EventBed()
  await bed.log.ensureTopics([{ topic: 'orders', partitions: 1 }])
})
afterEach(() => bed.stop())

async function sendNumbered(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1_000)
    await bed.log.send(Array.from({ length: 1_000 }, (_, at) => newRecord(`k${(n + at) % 50}:${n + at}`)))
}

async function settleUntilStill(): Promise<void> {
  for (let before = -1; before !== bed.seen.length;) {
    before = bed.seen.length
    for (let round = 0; round < 10; round++) await bed.settle()
  }
}

test('a thousand acknowledgements are committed at once, fewer after a second', async () => {
  const committed = async () => (await bed.log.committed('group'))[0]?.offset
  await bed.consume()
  await bed.advance(1_000)
  await sendNumbered(1_000)
  await settleUntilStill()
  await bed.advance(1)
  expect([bed.seen.length, await committed()]).toEqual([1_000, 1_000])
  await bed.publish('one more')
  await bed.advance(999)
  expect([bed.seen.length, await committed()]).toEqual([1_001, 1_000])
  await bed.advance(1)
  expect(await committed()).toBe(1_001)
})

/** More than a bitset of 3 KiB in base64 has places for. */
const MORE = 20_000

test.each<['unordered' | 'key', Handle]>([
  ['unordered', (delivery) => (valueOf(delivery) === 'first' ? new Promise(() => undefined) : DONE)],
  ['key', (delivery) => (valueOf(delivery) === 'first' ? failed() : DONE)],
])(
  '%s: behind a record that takes long no more is begun than a commit can tell of as done',
  async (ordering, handle) => {
    const of = subscription({ ordering })
    const slow = { ...of, retry: { ...of.retry, backoff: { initialMs: 3_600_000, factor: 1, maxMs: 3_600_000 } } }
    bed.handle = handle
    const before = await bed.consume(slow)
    await bed.publish('first:first')
    await sendNumbered(MORE)
    await settleUntilStill()
    const begun = bed.seen.length
    expect(begun).toBeGreaterThan(12_000)
    expect(begun).toBeLessThan(MORE)
    const closing = before.close()
    await bed.advance(60_000)
    await closing
    const [committed] = await bed.log.committed('group')
    expect(committed?.offset).toBe(0)
    expect(Buffer.byteLength(committed?.metadata ?? '')).toBeLessThanOrEqual(3 * 1024)

    await bed.reopen()
    bed.handle = () => DONE
    await bed.consume(slow)
    await settleUntilStill()
    await bed.advance(3_600_000)
    await settleUntilStill()
    expect(new Set(bed.seen.map(({ value }) => value)).size).toBe(MORE + 1)
    // Of what was begun only the first is not done.
    expect(bed.seen).toHaveLength(MORE + 2)
  },
)
