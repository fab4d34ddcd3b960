/** Kafka forgets what a group has committed a week after the last was in it; the embedded log does not, and shows who joins. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { ConsumerOptions } from '../../../events/event-log.ts'
import { Replay } from '../../../events/replay/replay.ts'
import { EventBed, subscription, withSeenConsumers } from '../../builders/event-bed.ts'

const HOUR = 3_600_000
const DEAD = 'dormouse.default.mailer.dlt'
const GROUP = 'dormouse.default.mailer.redrive'

let bed: EventBed
let consumers: ConsumerOptions[]
beforeEach(async () => {
  bed = new EventBed()
  consumers = []
  bed.handle = () => ({ kind: 'rejected', failure: { class: 'http-4xx', message: 'no' } })
  await bed.consume(subscription(), { engine: bed.engine({ log: withSeenConsumers(bed.log, consumers) }) })
})
afterEach(() => bed.stop())

const replay = () => new Replay({ log: bed.log, clock: bed.clock, now: bed.clock.now, owner: subscription() })
const joined = () => consumers.filter(({ group }) => group === GROUP).map(({ topics }) => topics)

test('what was replayed or purged is kept in mind by joining its group once a day', async () => {
  await bed.publish('a', 'b')
  await replay().purge({ filter: {} })
  const marks = await bed.log.committed(GROUP, [DEAD])
  await bed.advance(3 * HOUR, 60_000)
  expect(joined()).toEqual([[DEAD]])
  await bed.advance(48 * HOUR, 600_000)
  expect(joined()).toEqual([[DEAD], [DEAD], [DEAD]])
  expect(await bed.log.committed(GROUP, [DEAD])).toEqual(marks)
  expect(await replay().list({}, 10)).toEqual([])
})

test('nobody joins where nothing was replayed, nor while somebody replays', async () => {
  await bed.advance(3 * HOUR, 60_000)
  for (let n = 0; n < 6; n++) {
    await bed.publish(`${n}`)
    await replay().purge({ filter: {} })
    await bed.advance(HOUR, 60_000)
  }
  expect(joined()).toEqual([])
})
