/** From the feed's words to the event machinery's. Pure. */
import type { FeedFunction, FeedSubscription } from '../../api/protocol.ts'
import type { Subscription } from '../../events/subscription.ts'
import { asyncTopic } from '../../events/topic-names.ts'

export function subscriptionOfTrigger(feed: FeedSubscription): Subscription {
  const { maxAttempts, backoff, maxAgeMs } = feed.retry
  return {
    key: feed.trigger,
    kind: 'trigger',
    uid: feed.uid,
    functionKey: feed.function,
    topics: feed.topics,
    startFrom: feed.startFrom,
    ordering: feed.ordering,
    retry: { maxAttempts, backoff, maxAge: { ms: maxAgeMs, since: 'failure' } },
    onExhausted: feed.onExhausted,
    ...(feed.batch && { batch: feed.batch }),
  }
}

/** The asynchronous invocations of a function; undefined when it takes none. */
export function subscriptionOfFunction({ key, uid, async }: FeedFunction): Subscription | undefined {
  if (async === undefined) return undefined
  const { maxAttempts, backoff, maxAgeMs } = async
  return {
    key,
    kind: 'async',
    uid,
    functionKey: key,
    topics: [asyncTopic(key)],
    startFrom: 'earliest',
    ordering: 'unordered',
    retry: { maxAttempts, backoff, maxAge: { ms: maxAgeMs, since: 'record' } },
    onExhausted: 'deadLetter',
  }
}
