/** From a kafka or cron Trigger to what dispatchers do with it. Pure. */
import { durationMs } from '../../api/duration.ts'
import type { FeedSubscription } from '../../api/protocol.ts'
import { backoffMsOf, DEFAULT_RETRY, type KafkaTrigger } from '../../api/trigger-events.ts'
import { cronTopic } from '../../events/topic-names.ts'
import type { ObservedTrigger } from './observe.ts'

/** Undefined for other kinds. A Function that is missing changes nothing: its records wait. */
export function subscriptionOf(observed: ObservedTrigger): FeedSubscription | undefined {
  const { key, trigger } = observed
  const { kafka, cron } = trigger.spec
  if (kafka !== undefined) return { ...shared(observed), ...kafkaSource(kafka) }
  if (cron === undefined) return undefined
  return {
    ...shared(observed),
    source: 'cron',
    topics: [cronTopic(key)],
    // Of an earlier one of the same name nothing is called.
    startFrom: { timestampMs: Date.parse(trigger.metadata.creationTimestamp) },
    ordering: 'unordered',
    filters: [],
  }
}

function shared({ key, functionKey, trigger }: ObservedTrigger) {
  const { retry = DEFAULT_RETRY, deadLetter } = trigger.spec
  const { maxAttempts, backoff, maxAge, onExhausted } = retry
  return {
    trigger: key,
    uid: trigger.metadata.uid,
    function: functionKey,
    retry: { maxAttempts, backoff: backoffMsOf(backoff), maxAgeMs: durationMs(maxAge) },
    onExhausted,
    keepDeadLetters: deadLetter?.keep ?? true,
  }
}

function kafkaSource({ topics, ordering, filters, batch, ...start }: KafkaTrigger) {
  return {
    source: 'kafka' as const,
    topics,
    startFrom: startOf(start),
    ordering,
    filters,
    ...(batch && { batch: { size: batch.size, windowMs: durationMs(batch.window), bisect: batch.bisect } }),
  }
}

function startOf({ startFrom, startTimestamp = '' }: Pick<KafkaTrigger, 'startFrom' | 'startTimestamp'>) {
  // With an offset, the first hours of 1970 are before it; logs know no such time.
  return startFrom === 'timestamp' ? { timestampMs: Math.max(0, Date.parse(startTimestamp)) } : startFrom
}
