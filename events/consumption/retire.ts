/** The end of a subscription whose Trigger or Function is gone: what still waits for a retry becomes dead letters, then its tiers go. */
import { lastOffsetOf, partitionName, type EventLog, type LogRecord, type NewRecord } from '../event-log.ts'
import { deadLetterRecords, undecodableFailure } from '../hop-record.ts'
import { OffsetTracker } from '../offset-tracker.ts'
import { readToEnd } from '../read-topic.ts'
import { hopMeta } from '../record-headers.ts'
import { tierDelays } from '../retry-policy.ts'
import type { Subscription } from '../subscription.ts'
import { retryTopic, tiersAmong } from '../topic-names.ts'
import type { Engine } from './engine.ts'
import { SubscriptionState } from './subscription-state.ts'

/** `group`: of the tiers. Throws EventLogError: nothing was deleted then, and it can be called again. */
export async function retire(engine: Engine, subscription: Subscription, group: string): Promise<void> {
  const { log } = engine
  const topics = await tiersOf(log, subscription)
  if (topics.length === 0) return
  const state = new SubscriptionState(subscription, engine)
  /** What is done beyond the group's positions is done here, too. */
  const trackers = new Map<string, OffsetTracker>()
  await readToEnd({
    ...{ log, topics, group },
    onAssigned: (assignment) => trackers.set(partitionName(assignment), new OffsetTracker(assignment)),
    async onRecords(records) {
      const waiting = records.filter((record) =>
        trackers.get(`${record.topic}/${record.partition}`)?.track(record.offset, lastOffsetOf(record)),
      )
      const letters = waiting.flatMap((record) => lettersOf(subscription, record, group))
      for (const { topic } of letters) await state.ensureTopic(topic)
      await log.send(letters)
    },
  })
  await log.deleteTopics(topics)
}

function lettersOf(subscription: Subscription, record: LogRecord, group: string): NewRecord[] {
  const next = hopMeta(record, subscription.uid)
  const meta = { ...next, attempt: Math.max(1, next.attempt - 1) }
  // A replayed one has not failed since.
  const failure = undecodableFailure(record) ??
    meta.failure ?? {
      class: 'expired',
      message: `its ${subscription.kind === 'trigger' ? 'Trigger' : 'Function'} was deleted while it waited for a retry`,
    }
  return deadLetterRecords({ subscription, record, meta, failure, group })
}

/** Those of earlier policies, too; of names that were hashed only those of this one can be known. */
async function tiersOf(log: EventLog, subscription: Subscription): Promise<string[]> {
  const existing = (await log.describe()).map(({ topic }) => topic)
  const current = new Set(tierDelays(subscription.retry).map((delayMs) => retryTopic(subscription, delayMs)))
  return [...new Set([...tiersAmong(existing, subscription), ...existing.filter((topic) => current.has(topic))])]
}
