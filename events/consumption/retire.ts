/** The end of a subscription whose Trigger or Function is gone: what still waits for a retry becomes dead letters, then its tiers go. */
import {
  EventLogError,
  lastOffsetOf,
  partitionName,
  type CommittedOffset,
  type EventLog,
  type LogRecord,
} from '../event-log.ts'
import { deadLetterParts, deadLetterRecords, undecodableFailure, type DeadLetter } from '../hop-record.ts'
import { OffsetTracker } from '../offset-tracker.ts'
import { endsOf, readToEnd } from '../read-topic.ts'
import { hopMeta, uidOf } from '../record-headers.ts'
import { tierDelays } from '../retry-policy.ts'
import type { Subscription } from '../subscription.ts'
import { retryTopic, tiersAmong } from '../topic-names.ts'
import type { Engine } from './engine.ts'
import { SubscriptionState } from './subscription-state.ts'

export interface Retirement {
  engine: Engine
  subscription: Subscription
  /** Of the tiers. */
  group: string
  /** Whether another subscription has the same name by now: then the tiers are its, and stay. */
  hasSuccessor: () => boolean
  signal?: AbortSignal
}

/**
 * Of several dispatchers each moves what it is given, and says so in a commit; who finds everything moved deletes the tiers. False: others
 * have yet to move what they were given; call it again. So, too, when it throws EventLogError or the signal's reason.
 */
export async function retire(retirement: Retirement): Promise<boolean> {
  const { engine, subscription, group, hasSuccessor, signal } = retirement
  const { log } = engine
  const topics = await tiersOf(log, subscription)
  if (topics.length === 0) return true
  const ends = await endsOf(log, topics)
  const state = new SubscriptionState(subscription, engine)
  /** What is done beyond the group's positions is done here, too. */
  const trackers = new Map<string, OffsetTracker>()
  await readToEnd({
    ...{ log, topics, group },
    ...(signal && { signal }),
    onAssigned: (assignment) => trackers.set(partitionName(assignment), new OffsetTracker(assignment)),
    async onRecords(records, reader) {
      const [first] = records
      const tracker = first && trackers.get(partitionName(first))
      if (first === undefined || tracker === undefined) return
      const waiting = records.filter((record) => tracker.track(record.offset, lastOffsetOf(record)))
      await move(
        waiting.filter((record) => (uidOf(record) ?? subscription.uid) === subscription.uid),
        state,
        { log, subscription, group },
      )
      for (const { offset } of waiting) tracker.done(offset)
      const { topic, partition } = first
      await reader.consumer.commit([{ topic, partition, offset: tracker.lowWater, metadata: tracker.encode() }])
    },
  })
  if (!areBehind(await log.committed(group, topics), ends)) return false
  if (hasSuccessor()) return true
  // One that closed later may have had something stored since.
  if (!areBehind(await log.committed(group, topics), await endsOf(log, topics))) return false
  await log.deleteTopics(topics)
  return true
}

async function move(
  records: readonly LogRecord[],
  state: SubscriptionState,
  { log, subscription, group }: { log: EventLog; subscription: Subscription; group: string },
): Promise<void> {
  const letters = records.map((record) => letterOf(subscription, record, group))
  const wholes = letters.flatMap((letter) => deadLetterRecords(letter))
  for (const { topic } of wholes) await state.ensureTopic(topic)
  try {
    await log.send(wholes)
  } catch (error) {
    if (!(error instanceof EventLogError) || error.code !== 'too-large') throw error
    for (const letter of letters) await sendLetter(log, letter)
  }
}

async function sendLetter(log: EventLog, letter: DeadLetter): Promise<void> {
  try {
    await log.send(deadLetterRecords(letter))
  } catch (error) {
    if (!(error instanceof EventLogError) || error.code !== 'too-large') throw error
    await log.send(deadLetterParts(letter))
  }
}

function areBehind(committed: readonly CommittedOffset[], ends: ReadonlyMap<string, number>): boolean {
  const reached = new Map(committed.map((each) => [partitionName(each), each.offset]))
  return [...ends].every(([name, end]) => (reached.get(name) ?? 0) >= end)
}

function letterOf(subscription: Subscription, record: LogRecord, group: string): DeadLetter {
  const next = hopMeta(record, subscription.uid)
  const meta = { ...next, attempt: Math.max(1, next.attempt - 1) }
  // A replayed one has not failed since.
  const failure = undecodableFailure(record) ??
    meta.failure ?? {
      class: 'expired',
      message: `its ${subscription.kind === 'trigger' ? 'Trigger' : 'Function'} was deleted while it waited for a retry`,
    }
  return { subscription, record, meta, failure, group }
}

/** Those of earlier policies, too; of names that were hashed only those of this one can be known. */
async function tiersOf(log: EventLog, subscription: Subscription): Promise<string[]> {
  const existing = (await log.describe()).map(({ topic }) => topic)
  const current = new Set(tierDelays(subscription.retry).map((delayMs) => retryTopic(subscription, delayMs)))
  return [...new Set([...tiersAmong(existing, subscription), ...existing.filter((topic) => current.has(topic))])]
}
