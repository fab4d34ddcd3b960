/** The end of a subscription whose Trigger or Function is gone: what still waits for a retry becomes dead letters, then its tiers go. */
import {
  isTooLarge,
  lastOffsetOf,
  partitionName,
  type CommittedOffset,
  type EventLog,
  type LogRecord,
  type PartitionId,
} from '../event-log.ts'
import { deadLetterRecords, LETTER_FORMS, undecodableFailure, type DeadLetter } from '../hop-record.ts'
import { OffsetTracker } from '../offset-tracker.ts'
import { endsOf, readToEnd } from '../read-topic.ts'
import { hopMeta, uidOf } from '../record-headers.ts'
import { tierDelays } from '../retry-policy.ts'
import type { Subscription } from '../subscription.ts'
import { retryTopic, tiersAmong } from '../topic-names.ts'
import type { Engine } from './engine.ts'
import { failureOfOrphan } from './orphans.ts'
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
  const { engine, subscription, group, hasSuccessor } = retirement
  const { log } = engine
  const topics = await tiersOf(log, subscription)
  if (topics.length === 0) return true
  const ends = await endsOf(log, topics)
  await moveUntil(ends, topics, retirement)
  if (!areBehind(await log.committed(group, topics), ends)) return false
  if (hasSuccessor()) return true
  // One that closed later may have had something stored since.
  if (!areBehind(await log.committed(group, topics), await endsOf(log, topics))) return false
  await log.deleteTopics(topics)
  return true
}

type Ends = ReadonlyMap<string, number>

/** What waits, as far as it is given to us. */
async function moveUntil(ends: Ends, topics: readonly string[], retirement: Retirement): Promise<void> {
  const { engine, subscription, group, signal } = retirement
  const { log } = engine
  const state = new SubscriptionState(subscription, engine)
  /** What is done beyond the group's positions is done here, too. */
  const trackers = new Map<string, OffsetTracker>()
  const passed = new Set<string>()
  await readToEnd({
    ...{ log, topics, group },
    ...(signal && { signal }),
    onAssigned: (assignment) => trackers.set(partitionName(assignment), new OffsetTracker(assignment)),
    async onRecords(records, reader) {
      const [first] = records
      const tracker = first && trackers.get(partitionName(first))
      if (first === undefined || tracker === undefined) return
      const waiting = records.filter((record) => tracker.track(record.offset, lastOffsetOf(record)))
      const letters: DeadLetter[] = []
      for (const record of waiting) {
        const letter = await letterOf(record, { subscription, group, state })
        if (letter === 'successor') return reader.stop()
        if (letter !== undefined) letters.push(letter)
      }
      await move(letters, state, log)
      for (const { offset } of waiting) tracker.done(offset)
      await reader.consumer.commit([commitOf(first, tracker)])
    },
    // Its last offsets may be those of markers of transactions, which no record brings.
    onEnd(partition) {
      const name = partitionName(partition)
      if (trackers.get(name)?.pass(ends.get(name) ?? 0) === true) passed.add(name)
    },
    async onRevoked(partitions, consumer) {
      const commits = partitions.flatMap((partition) => {
        const name = partitionName(partition)
        const tracker = trackers.get(name)
        return passed.delete(name) && tracker !== undefined ? [commitOf(partition, tracker)] : []
      })
      if (commits.length > 0) await consumer.commit(commits)
    },
  })
}

function commitOf({ topic, partition }: PartitionId, tracker: OffsetTracker): CommittedOffset {
  return { topic, partition, offset: tracker.lowWater, metadata: tracker.encode() }
}

async function move(letters: readonly DeadLetter[], state: SubscriptionState, log: EventLog): Promise<void> {
  const wholes = letters.flatMap((letter) => deadLetterRecords(letter))
  for (const { topic } of wholes) await state.ensureTopic(topic)
  try {
    await log.send(wholes)
  } catch (error) {
    if (!isTooLarge(error)) throw error
    for (const letter of letters) await sendLetter(log, letter)
  }
}

async function sendLetter(log: EventLog, letter: DeadLetter): Promise<void> {
  let refusal: unknown
  for (const formOf of LETTER_FORMS) {
    try {
      // The first part is the largest: where it does not fit, none is stored.
      for (const record of formOf(letter)) await log.send([record])
      return
    } catch (error) {
      if (!isTooLarge(error)) throw error
      refusal = error
    }
  }
  throw refusal
}

function areBehind(committed: readonly CommittedOffset[], ends: Ends): boolean {
  const reached = new Map(committed.map((each) => [partitionName(each), each.offset]))
  return [...ends].every(([name, end]) => (reached.get(name) ?? 0) >= end)
}

/** Undefined: another has dealt with it. `successor`: it waits for one that the feed does not show yet. */
async function letterOf(
  record: LogRecord,
  { subscription, group, state }: Pick<Retirement, 'subscription' | 'group'> & { state: SubscriptionState },
): Promise<DeadLetter | 'successor' | undefined> {
  const next = hopMeta(record, subscription.uid)
  const meta = { ...next, attempt: Math.max(1, next.attempt - 1) }
  const letter = { subscription, record, meta, group }
  const undecodable = undecodableFailure(record)
  const uid = uidOf(record) ?? subscription.uid
  if (uid === subscription.uid) {
    // A replayed one has not failed since.
    return { ...letter, failure: undecodable ?? meta.failure ?? failureOfOrphan(meta) }
  }
  const fate = await state.orphans.fateOf(record, uid)
  if (fate.kind === 'moved') return undefined
  if (fate.kind === 'news') return 'successor'
  return { ...letter, failure: undecodable ?? failureOfOrphan(meta) }
}

/** Those of earlier policies, too; of names that were hashed only those of this one can be known. */
async function tiersOf(log: EventLog, subscription: Subscription): Promise<string[]> {
  const existing = (await log.describe()).map(({ topic }) => topic)
  const current = new Set(tierDelays(subscription.retry).map((delayMs) => retryTopic(subscription, delayMs)))
  return [...new Set([...tiersAmong(existing, subscription), ...existing.filter((topic) => current.has(topic))])]
}
