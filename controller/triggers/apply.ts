/** Publishes the lists first, so that requests and records do not wait for status writes; then writes the statuses that differ, a few at a time. */
import { isDeepStrictEqual } from 'node:util'
import type { FeedRoute, FeedSubscription } from '../../api/protocol.ts'
import type { Trigger, TriggerStatus } from '../../api/trigger.ts'
import type { StatusWriter } from '../status-writer.ts'
import type { TriggersPlan, TriggerVerdict } from './plan.ts'
import { statusOf } from './status.ts'

const STATUS_WRITES_AT_ONCE = 8

/** Where the feed takes a list from. */
export interface ListSink<T> {
  /** Replaces all. */
  set(items: readonly T[]): void
}

export interface ApplyTargets {
  routes: ListSink<FeedRoute>
  subscriptions: ListSink<FeedSubscription>
  /** Both lists are out. */
  onPublished: () => void
  /** Absent: somebody else writes them. */
  statuses?: StatusWriter<TriggerStatus, Trigger>
  nowMs: number
}

/** Publishes `plan` if it differs from `published`. Returns whether some object has moved on since it was observed. */
export async function apply(
  plan: TriggersPlan,
  published: Pick<TriggersPlan, 'routes' | 'subscriptions'> | undefined,
  targets: ApplyTargets,
): Promise<{ isStale: boolean }> {
  if (!isDeepStrictEqual(plan.routes, published?.routes)) targets.routes.set(plan.routes)
  if (!isDeepStrictEqual(plan.subscriptions, published?.subscriptions)) targets.subscriptions.set(plan.subscriptions)
  targets.onPublished()
  const { statuses, nowMs } = targets
  if (statuses === undefined) return { isStale: false }
  const queue = plan.verdicts.values()
  const results = await Promise.allSettled(
    Array.from({ length: STATUS_WRITES_AT_ONCE }, () => writeStatuses(queue, { statuses, nowMs })),
  )
  const failed = results.filter((result) => result.status === 'rejected')
  if (failed[0]) throw failed[0].reason
  return { isStale: results.some((result) => result.status === 'fulfilled' && result.value) }
}

type StatusTargets = Required<Pick<ApplyTargets, 'statuses' | 'nowMs'>>

/** One of several writers on a shared queue: a verdict is taken by exactly one of them. */
async function writeStatuses(queue: Iterator<TriggerVerdict>, { statuses, nowMs }: StatusTargets): Promise<boolean> {
  let isStale = false
  for (let next = queue.next(); next.done !== true; next = queue.next()) {
    const { trigger } = next.value.observed
    const outcome = await statuses.write(trigger, statusOf(next.value, statuses.current(trigger), nowMs))
    isStale ||= outcome === 'conflict'
  }
  return isStale
}
