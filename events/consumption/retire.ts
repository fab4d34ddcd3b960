/** The end of a subscription whose Trigger or Function is gone: what still waits for a retry becomes dead letters, then its tiers go. */
import { deadLetterRecord } from '../hop-record.ts'
import { readToEnd } from '../read-topic.ts'
import { hopMeta } from '../record-headers.ts'
import type { Subscription } from '../subscription.ts'
import { tiersAmong } from '../topic-names.ts'
import type { Engine } from './engine.ts'
import { SubscriptionState } from './subscription-state.ts'

/** `group`: of the tiers. Throws EventLogError: nothing was deleted then, and it can be called again. */
export async function retire(engine: Engine, subscription: Subscription, group: string): Promise<void> {
  const { log } = engine
  const topics = tiersAmong(
    (await log.describe()).map(({ topic }) => topic),
    subscription,
  )
  if (topics.length === 0) return
  const state = new SubscriptionState(subscription, engine)
  const end = await committedIn(engine, group, topics)
  await readToEnd({
    ...{ log, topics, group },
    async onRecords(records) {
      for (const record of records) {
        if (record.offset < (end.get(`${record.topic}/${record.partition}`) ?? 0)) continue
        const meta = hopMeta(record, subscription.uid)
        const failure = meta.failure ?? {
          class: 'expired',
          message: 'its Trigger was deleted while it waited for a retry',
        }
        const dead = deadLetterRecord({ subscription, record, meta, failure, group })
        await state.ensureTopic(dead.topic)
        await log.send([dead])
      }
    },
  })
  await log.deleteTopics(topics)
}

async function committedIn(engine: Engine, group: string, topics: readonly string[]): Promise<Map<string, number>> {
  const committed = await engine.log.committed(group, topics)
  return new Map(committed.map(({ topic, partition, offset }) => [`${topic}/${partition}`, offset]))
}
