import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { Replay } from '../../../events/replay/replay.ts'
import { textOf } from '../../../events/record-headers.ts'
import { DONE, EventBed, failed, held, subscription } from '../../builders/event-bed.ts'

const HOUR = 3_600_000

let bed: EventBed
beforeEach(() => {
  bed = new EventBed()
})
afterEach(() => bed.stop())

const { retry } = subscription()
const aging = (ms: number, since: 'failure' | 'record') => subscription({ retry: { ...retry, maxAge: { ms, since } } })

test('a record that has attempts left but no time is a dead letter of class expired that tells its last failure', async () => {
  bed.handle = () => failed('out of stock')
  await bed.consume(aging(2_500, 'failure'))
  await bed.publish('late')
  await bed.advance(10_000, 500)
  expect(bed.seen.map(({ attempt }) => attempt)).toEqual([1, 2])
  const [letter] = await bed.read('dormouse.default.mailer.dlt')
  expect(textOf(letter!.headers, 'dormouse-error-class')).toBe('expired')
  expect(textOf(letter!.headers, 'dormouse-error-message')).toContain('(handled): out of stock')
})

test('a dead letter that is replayed days later ages from its replay: it has its attempts, also when it must wait first', async () => {
  const of = aging(6 * HOUR, 'record')
  let answer = failed('down')
  bed.handle = () => answer
  await bed.consume(of)
  await bed.publish('k:invocation')
  await bed.advance(10_000, 500)
  expect(await bed.deadLetters()).toEqual(['invocation handled'])
  await bed.advance(48 * HOUR, HOUR)
  answer = held('no pod yet', 1_000)
  bed.seen.length = 0
  await new Replay({ log: bed.log, clock: bed.clock, now: bed.clock.now, owner: of }).redrive({ filter: {} })
  await bed.advance(3_000, 500)
  answer = failed('down')
  await bed.advance(2_000, 500)
  answer = DONE
  await bed.advance(5_000, 500)
  expect(bed.seen.some(({ attempt }) => attempt === 2)).toBe(true)
  expect(bed.ends.at(-1)?.kind).toBe('done')
  expect(await bed.deadLetters()).toHaveLength(1)
})

test('a record that blocks is tried on with attempts that count up, as seldom as the policy’s longest delay', async () => {
  await bed.log.ensureTopics([{ topic: 'orders', partitions: 1 }])
  bed.handle = () => failed()
  await bed.consume(subscription({ ordering: 'partition', onExhausted: 'block' }))
  await bed.publish('bad')
  const startedMs = bed.clock.now()
  await bed.advance(190_000, 1_000)
  expect(bed.seen.map(({ attempt, atMs }) => [attempt, (atMs - startedMs) / 1_000])).toEqual([
    ...[
      [1, 0],
      [2, 1],
      [3, 3],
    ],
    ...[
      [4, 63],
      [5, 123],
      [6, 183],
    ],
  ])
})

test('a function that answers a probe with 4xx can be reached: the others follow at once', async () => {
  let isUp = false
  bed.handle = () =>
    isUp
      ? { kind: 'rejected', failure: { class: 'http-4xx', status: 422, message: 'not this' } }
      : held('no pod', 1_000)
  const consumption = await bed.consume()
  await bed.publish(...Array.from({ length: 30 }, (_, n) => `${n}`))
  isUp = true
  await bed.advance(1_000)
  expect(await bed.deadLetters()).toHaveLength(30)
  expect(bed.mostRunning).toBeGreaterThan(20)
  expect((await consumption.status('default/mailer'))?.holding).toBeUndefined()
})
