/** What waits for a function, as it is counted and as its function is scaled by it. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Consumption } from '../../../events/consumption/consumption.ts'
import type { Subscription } from '../../../events/subscription.ts'
import { DONE, EventBed, failed, newRecord, subscription, valueOf } from '../../builders/event-bed.ts'

let bed: EventBed
/** Ends the calls that run. */
let letGo: () => void
let isFree: Promise<void>
beforeEach(() => {
  bed = new EventBed()
  isFree = new Promise<void>((resolve) => (letGo = resolve))
  bed.handle = async () => (await isFree, DONE)
})
afterEach(() => {
  letGo()
  return bed.stop()
})

const LONG = { maxAttempts: 3, backoff: { initialMs: 60_000, factor: 1, maxMs: 60_000 } }
const slow = (part: Partial<Subscription>) => subscription({ retry: { ...subscription().retry, ...LONG }, ...part })

async function publish(texts: readonly string[], partitions = 1): Promise<void> {
  await bed.log.ensureTopics([{ topic: 'orders', partitions }])
  await bed.log.send(texts.map((text, n) => ({ ...newRecord(text), partition: n % partitions })))
  await bed.settle()
}

const texts = (count: number, text = (n: number) => `${n}`) => Array.from({ length: count }, (_, n) => text(n))
const backlog = (consumption: Consumption) => {
  const state = consumption.state('default/mailer')!
  return { due: state.due, ...state.startable, ageMs: state.oldestDueAgeMs(bed.clock.now()) }
}

describe('not counted is', () => {
  test('a retry that is not due, in a tier; it counts when it is', async () => {
    bed.handle = async (delivery) => (delivery.attempt === 1 ? failed() : (await isFree, DONE))
    const consumption = await bed.consume(slow({}))
    await publish(['a', 'b'])
    await bed.advance(59_000)
    expect(backlog(consumption)).toEqual({ due: 0, calls: 0, work: 0, ageMs: undefined })
    bed.capacity = 1
    await bed.advance(3_000)
    expect(backlog(consumption)).toMatchObject({ due: 1, calls: 1, work: 1, ageMs: 2_000 })
  })

  test('what stands behind a retry in place as work: it is due, and nothing of it can start', async () => {
    bed.handle = () => failed()
    const consumption = await bed.consume(slow({ ordering: 'key' }))
    await publish(texts(51, (n) => `a:${n}`))
    await bed.advance(1_000)
    expect(backlog(consumption)).toEqual({ due: 50, calls: 0, work: 0, ageMs: 1_000 })
  })

  test('what waits while no more may fail in place', async () => {
    bed.handle = () => failed()
    const consumption = await bed.consume(slow({ ordering: 'key' }))
    await publish(texts(300, (n) => `k${n}:${n}`))
    expect(backlog(consumption)).toMatchObject({ due: 180, calls: 0, work: 0 })
  })

  test('what a buffer cannot take as work while all that is in it waits', async () => {
    bed.handle = () => failed()
    const consumption = await bed.consume(slow({ ordering: 'partition' }), {
      engine: bed.engine({ limits: { bufferedRecords: 10 } }),
    })
    await publish(texts(700))
    await consumption.refreshEnds()
    expect(backlog(consumption)).toMatchObject({ due: 699, calls: 0, work: 0 })
  })
})

describe('counted is', () => {
  test('everything of unordered records, also behind a buffer that is full', async () => {
    bed.capacity = 1
    const consumption = await bed.consume(subscription(), { engine: bed.engine({ limits: { bufferedRecords: 100 } }) })
    await publish(texts(1_500))
    await consumption.refreshEnds()
    expect(backlog(consumption)).toMatchObject({ due: 1_499, work: 1_499 })
    expect(backlog(consumption).calls).toBeGreaterThanOrEqual(99)
  })

  test('one call per key that has nothing running', async () => {
    bed.capacity = 1
    const byKey = await bed.consume(subscription({ ordering: 'key' }))
    await publish(texts(30, (n) => `k${n % 3}:${n}`))
    expect(backlog(byKey)).toMatchObject({ due: 29, calls: 2, work: 20 })
  })

  test('one call per partition that has nothing running', async () => {
    bed.capacity = 1
    const byPartition = await bed.consume(subscription({ ordering: 'partition' }))
    await publish(texts(40), 4)
    expect(backlog(byPartition)).toMatchObject({ due: 39, calls: 3, work: 30 })
  })

  test('calls, not records, where they go in batches', async () => {
    bed.capacity = 1
    const consumption = await bed.consume(subscription({ batch: { size: 100, windowMs: 0, bisect: false } }))
    await publish(texts(350))
    const running = bed.seen.length
    expect(backlog(consumption)).toMatchObject({ due: 350 - running, calls: Math.ceil((350 - running) / 100) })
  })

  test('the age of the oldest, until it is done', async () => {
    bed.capacity = 1
    let free: (() => void) | undefined
    bed.handle = (delivery) =>
      valueOf(delivery) === 'old' ? new Promise((resolve) => (free = () => resolve(DONE))) : DONE
    const consumption = await bed.consume()
    await publish(['old', 'new'])
    await bed.advance(5_000)
    expect(backlog(consumption).ageMs).toBe(5_000)
    free?.()
    await bed.settle()
    expect(backlog(consumption)).toEqual({ due: 0, calls: 0, work: 0, ageMs: undefined })
  })
})
