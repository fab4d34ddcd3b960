/** Records that fit into their source, but not with what a retry or a dead letter adds. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { EventLogError, MAX_RECORD_BYTES, type LogRecord, type NewRecord } from '../../../events/event-log.ts'
import { textOf } from '../../../events/record-headers.ts'
import { Replay } from '../../../events/replay/replay.ts'
import { DONE, EventBed, failed, newRecord, subscription, valueOf, withFailingSends } from '../../builders/event-bed.ts'

const DEAD = 'dormouse.default.mailer.dlt'
let bed: EventBed
beforeEach(async () => {
  bed = new EventBed()
  await bed.log.ensureTopics([{ topic: 'orders', partitions: 1 }])
})
afterEach(() => bed.stop())

/** As a broker that has been told no limit: what it takes is counted with all headers. */
const strict = () =>
  bed.engine({
    log: withFailingSends(bed.log, ({ key, value, headers }: NewRecord) => {
      const size = headers.reduce(
        (sum, [name, text]) => sum + name.length + text.length,
        (key?.length ?? 0) + (value?.length ?? 0),
      )
      return size > MAX_RECORD_BYTES ? new EventLogError('too-large', 'too large') : undefined
    }),
  })
/** Leaves so many bytes of what the log takes. */
const largeWith = (roomBytes: number) =>
  Buffer.from('0123456789'.repeat(MAX_RECORD_BYTES)).subarray(0, MAX_RECORD_BYTES - roomBytes)
const send = (value: Buffer) => bed.log.send([{ ...newRecord('k:v'), value }])
const header = (name: string) => (record: LogRecord) => textOf(record.headers, name)

async function expectWholeIn(letters: readonly LogRecord[], value: Buffer, errorClass: string): Promise<void> {
  expect(letters.map(header('dormouse-batch-part'))).toEqual(['1/2', '2/2'])
  expect(new Set(letters.map(header('dormouse-delivery-id'))).size).toBe(1)
  expect(letters.map(header('dormouse-error-class'))).toEqual([errorClass, errorClass])
  expect(letters.map(({ key }) => key?.toString())).toEqual(['k', 'k'])
  expect(Buffer.concat(letters.map(({ value: part }) => part!)).equals(value)).toBe(true)
}

test('one that cannot wait for a retry becomes a dead letter, in parts if need be, and holds up nobody', async () => {
  bed.handle = (delivery) => (valueOf(delivery) === 'next' ? DONE : failed('down'))
  const consumption = await bed.consume(subscription(), { engine: strict() })
  const value = largeWith(50)
  await send(value)
  await bed.publish('next')
  await bed.advance(10_000, 500)
  expect(bed.seen).toHaveLength(2)
  const letters = await bed.read(DEAD)
  await expectWholeIn(letters, value, 'too-large')
  expect(header('dormouse-error-message')(letters[0]!)).toContain('last (handled): down')
  expect((await consumption.status('default/mailer'))?.sources).toMatchObject([{ lag: 0 }])
})

test('one that its topic of dead letters takes in small parts only, as an operator set it, holds up nobody either', async () => {
  const log = withFailingSends(bed.log, ({ topic, value }: NewRecord) =>
    topic === DEAD && (value?.length ?? 0) > 100_000 ? new EventLogError('too-large', 'too large') : undefined,
  )
  bed.handle = (delivery) => (valueOf(delivery) === 'next' ? DONE : failed('down'))
  const of = subscription()
  const consumption = await bed.consume(
    { ...of, retry: { ...of.retry, maxAttempts: 1 } },
    { engine: bed.engine({ log }) },
  )
  const value = largeWith(500_000)
  await send(value)
  await bed.publish('next')
  await bed.advance(10_000, 500)
  const letters = await bed.read(DEAD)
  expect(letters.map(header('dormouse-batch-part'))).toEqual(letters.map((_, at) => `${at + 1}/${letters.length}`))
  expect(Buffer.concat(letters.map(({ value: part }) => part!)).equals(value)).toBe(true)
  expect((await consumption.status('default/mailer'))?.sources).toMatchObject([{ lag: 0 }])
})

test.each([
  ['headers', { headers: [['h', Buffer.alloc(MAX_RECORD_BYTES - 200, 1)] as const], value: null }],
  ['a key', { key: Buffer.alloc(MAX_RECORD_BYTES - 200, 2), value: Buffer.from('v') }],
])(
  'one with %s that leave no room for its value is kept whole, as JSON in parts, and holds up nobody',
  async (_, part) => {
    bed.handle = (delivery) => (valueOf(delivery) === 'next' ? DONE : failed('down'))
    const consumption = await bed.consume(subscription(), { engine: strict() })
    const record = { ...newRecord('k:v'), ...part }
    await bed.log.send([record])
    await bed.publish('next')
    await bed.advance(10_000, 500)
    expect((await consumption.status('default/mailer'))?.sources).toMatchObject([{ lag: 0 }])
    const letters = await bed.read(DEAD)
    expect(letters.map(header('dormouse-batch-part'))).toEqual(['1/2', '2/2'])
    expect(letters.map(header('dormouse-batch-content'))).toEqual(['record+json', 'record+json'])
    expect(new Set(letters.map(header('dormouse-delivery-id'))).size).toBe(1)
    const text = (bytes: Buffer | null) => bytes?.toString('base64') ?? null
    expect(JSON.parse(Buffer.concat(letters.map(({ value }) => value!)).toString())).toEqual({
      ...{ key: text(record.key), value: text(record.value) },
      headers: record.headers.map(([name, value]) => [name, text(value)]),
    })
  },
)

test('one that has no attempt left keeps why it failed', async () => {
  bed.handle = () => failed('down')
  await bed.consume(subscription({ ordering: 'key', retry: { ...subscription().retry, maxAttempts: 1 } }), {
    engine: strict(),
  })
  const value = largeWith(50)
  await send(value)
  await bed.advance(1_000, 500)
  await expectWholeIn(await bed.read(DEAD), value, 'handled')
})

test('one that waits in a tier when its Trigger is deleted is kept in parts', async () => {
  bed.handle = () => failed('x'.repeat(900))
  const consumption = await bed.consume(subscription(), { engine: strict() })
  // With the headers of a retry it fits, with those of a dead letter, which has the message twice, it does not.
  const value = largeWith(1_700)
  await send(value)
  await bed.publish('small')
  await bed.settle()
  await consumption.close()
  expect(await consumption.retire(subscription(), { hasSuccessor: () => false })).toBe(true)
  const letters = await bed.read(DEAD)
  await expectWholeIn(
    letters.filter((letter) => header('dormouse-batch-part')(letter) !== undefined),
    value,
    'handled',
  )
  expect(letters.filter(({ value: text }) => text?.toString() === 'small')).toHaveLength(1)
})

test('parts of one are refused by a replay, with a sentence', async () => {
  bed.handle = () => failed('down')
  await bed.consume(subscription(), { engine: strict() })
  await send(largeWith(50))
  await bed.advance(1_000, 500)
  const owner = { ...subscription(), retry: subscription().retry }
  const replay = new Replay({ log: bed.log, clock: bed.clock, now: bed.clock.now, owner })
  const { moved, refused } = await replay.redrive({ filter: {} })
  expect([moved, refused.map(({ reason }) => reason)]).toEqual([
    0,
    [1, 2].map((part) => `it is part ${part} of 2 of a record that is too large for one dead letter`),
  ])
})
