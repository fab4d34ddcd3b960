/**
 * What becomes of records after an attempt. A record is finished only when it was handled, or when the publish to a retry tier or to the
 * dead letters succeeded: while that fails the record stays and the publish is tried again.
 */
import type { DeliveryOutcome, Failure } from '../delivery.ts'
import { retryRecord } from '../hop-record.ts'
import { decideRetry, expired, isExpired, tooLargeToWait } from '../retry-policy.ts'
import type { Entry } from './entry.ts'
import type { PartitionWorker } from './partition-worker.ts'
import { end, endStored } from './end.ts'
import { publish, publishDeadLetter } from './publish.ts'

export interface Attempted {
  entries: readonly Entry[]
  /** Undefined: it was not tried, because one before it failed. */
  outcomes: readonly (DeliveryOutcome | undefined)[]
  isProbe: boolean
}

const HOLD_MS = { least: 20, most: 30_000 }

/** From the last to the first, so that what is put back keeps its order. */
export async function settle(worker: PartitionWorker, { entries, outcomes, isProbe }: Attempted): Promise<void> {
  const effective = keepOrder(worker, entries, outcomes)
  let publishing: Promise<void>[] | undefined
  for (let index = entries.length - 1; index >= 0; index--) {
    const entry = entries[index]
    if (entry === undefined) continue
    const going = settleOne(worker, entry, { outcome: effective[index], isProbe: isProbe && index === 0 })
    if (going !== undefined) (publishing ??= []).push(going)
  }
  if (publishing !== undefined) await Promise.all(publishing)
}

/** Within a lane nothing counts as done that stands behind a record which must be tried again. */
function keepOrder(
  worker: PartitionWorker,
  entries: readonly Entry[],
  outcomes: readonly (DeliveryOutcome | undefined)[],
): readonly (DeliveryOutcome | undefined)[] {
  const { ordering } = worker.options.state.subscription
  if (entries.length === 1 || ordering === 'unordered') return outcomes
  const blocked = new Set<string | undefined>()
  return outcomes.map((outcome, index) => {
    const key = entries[index]?.record.key ?? null
    if (ordering === 'key' && key === null) return outcome
    const lane = ordering === 'key' ? key?.toString('latin1') : ''
    if (blocked.has(lane)) return undefined
    if (outcome === undefined || outcome.kind === 'failed' || outcome.kind === 'held' || outcome.kind === 'later')
      blocked.add(lane)
    return outcome
  })
}

interface One {
  outcome: DeliveryOutcome | undefined
  isProbe: boolean
}

function settleOne(worker: PartitionWorker, entry: Entry, { outcome, isProbe }: One): Promise<void> | undefined {
  const { state } = worker.options
  const { stats } = state
  if (outcome === undefined) {
    worker.putBack(entry)
    return undefined
  }
  switch (outcome.kind) {
    case 'done':
      stats.done++
      state.attempted(undefined, isProbe)
      return end(worker, entry, { kind: 'done', attempt: worker.attemptOf(entry), outcome })
    case 'filtered':
    case 'duplicate':
    case 'later':
      return untried(worker, entry, { outcome, isProbe })
    case 'held':
      return held(worker, entry, outcome)
    case 'failed':
      stats.count(stats.failed, outcome.failure.class)
      state.attempted(outcome.failure.class, isProbe)
      return failed(worker, entry, outcome)
    case 'rejected':
      stats.count(stats.rejected, outcome.failure.class)
      // With a status the function was reached, whatever it thinks of the record.
      if (outcome.failure.status !== undefined) state.attempted(undefined, isProbe)
      else if (isProbe) state.hold.probeLost()
      remember(worker, entry, outcome.failure)
      return exhausted(worker, entry, { failure: outcome.failure, attempt: worker.attemptOf(entry) })
  }
}

function untried(
  worker: PartitionWorker,
  entry: Entry,
  {
    outcome,
    isProbe,
  }: { outcome: Extract<DeliveryOutcome, { kind: 'filtered' | 'duplicate' | 'later' }>; isProbe: boolean },
): undefined {
  const { hold, stats } = worker.options.state
  if (isProbe) hold.probeLost()
  if (outcome.kind === 'later') worker.retryInPlace(entry, outcome.afterMs)
  else {
    stats[outcome.kind === 'filtered' ? 'filtered' : 'duplicates']++
    worker.finish(entry)
  }
  return undefined
}

function held(
  worker: PartitionWorker,
  entry: Entry,
  { reason, retryAfterMs }: Extract<DeliveryOutcome, { kind: 'held' }>,
): Promise<void> | undefined {
  const { state, engine } = worker.options
  state.stats.held++
  state.hold.hold(reason, Math.min(HOLD_MS.most, Math.max(HOLD_MS.least, retryAfterMs)))
  const { retry } = state.subscription
  if (isExpired(retry, agesSinceMs(entry), engine.wall.now())) {
    const failure: Failure = {
      class: 'expired',
      message: `older than ${retry.maxAge.ms} ms; last it waited: ${reason}`,
    }
    return deadLetter(worker, entry, { failure, attempt: worker.attemptOf(entry) })
  }
  worker.putBack(entry)
  return undefined
}

function remember(worker: PartitionWorker, entry: Entry, failure: Failure): void {
  const { state, engine } = worker.options
  const { deliveryId } = entry.meta
  state.stats.error(failure, { atMs: engine.wall.now(), deliveryId, attempt: worker.attemptOf(entry) })
}

type FailedOutcome = Extract<DeliveryOutcome, { kind: 'failed' }>

interface Failed {
  failure: Failure
  /** The one that failed. */
  attempt: number
  error?: Buffer | undefined
}

function failed(worker: PartitionWorker, entry: Entry, outcome: FailedOutcome): Promise<void> | undefined {
  const { failure, error, retryAfterMs: askedMs } = outcome
  const { state, engine } = worker.options
  const { subscription } = state
  const nowMs = engine.wall.now()
  const attempt = worker.attemptOf(entry)
  const inPlace = worker.tracker.inPlace(entry.record.offset)
  const firstFailedAtMs = entry.meta.firstFailedAtMs ?? inPlace?.firstFailedAtMs ?? nowMs
  remember(worker, entry, failure)
  const policy = subscription.retry
  const decision = decideRetry({
    policy,
    attempt,
    firstFailedAtMs,
    recordTimestampMs: agesSinceMs(entry),
    nowMs,
    askedMs,
  })
  if (decision.kind === 'exhausted') {
    const last = decision.expired ? expired(failure, policy) : failure
    return exhausted(worker, entry, { failure: last, attempt, error })
  }
  const { delayMs, dueMs } = decision
  state.stats.count(state.stats.retriedAfterMs, delayMs)
  if (subscription.ordering === 'unordered') {
    const meta = { ...entry.meta, attempt: attempt + 1, dueMs, delayMs, firstFailedAtMs, failure }
    const next = retryRecord(subscription, entry.record, meta)
    const store = () => publish(worker, entry.record.offset, next)
    return endStored(worker, entry, { end: { kind: 'retry', failure, attempt, dueMs }, store }).then((published) =>
      published === 'too-large' ? deadLetter(worker, entry, { failure: tooLargeToWait(failure), attempt }) : undefined,
    )
  }
  countInPlace(worker, entry, firstFailedAtMs)
  worker.retryInPlace(entry, delayMs)
  return undefined
}

function countInPlace({ tracker }: PartitionWorker, { record: { offset } }: Entry, nowMs: number): void {
  const known = tracker.inPlace(offset)
  tracker.failedInPlace(offset, {
    attempts: (known?.attempts ?? 0) + 1,
    firstFailedAtMs: known?.firstFailedAtMs ?? nowMs,
  })
}

/** Of one that was replayed, since then: its origin may be days ago. */
function agesSinceMs({ meta, record }: Entry): number {
  return meta.redriveCount === 0 ? meta.origin.timestampMs : (meta.firstFailedAtMs ?? record.timestampMs)
}

function exhausted(worker: PartitionWorker, entry: Entry, at: Failed): Promise<void> | undefined {
  const { subscription } = worker.options.state
  const mayBlock = entry.orphanOf === undefined && subscription.ordering !== 'unordered'
  if (subscription.onExhausted !== 'block' || !mayBlock) return deadLetter(worker, entry, at)
  worker.blocked.add(entry)
  countInPlace(worker, entry, worker.options.engine.wall.now())
  worker.retryInPlace(entry, subscription.retry.backoff.maxMs)
  return undefined
}

async function deadLetter(worker: PartitionWorker, entry: Entry, { failure, attempt, error }: Failed): Promise<void> {
  const { state, group, engine } = worker.options
  const { subscription, stats } = state
  const inPlace = worker.tracker.inPlace(entry.record.offset)
  const firstFailedAtMs = entry.meta.firstFailedAtMs ?? inPlace?.firstFailedAtMs ?? engine.wall.now()
  const meta = { ...entry.meta, attempt, firstFailedAtMs }
  const letter = { subscription, record: entry.record, meta, failure, group }
  const what = { kind: 'deadLetter', failure, attempt, error } as const
  const store = async () => {
    const published = await publishDeadLetter(worker, letter)
    if (published !== 'stored') return published
    stats.count(stats.deadLetters, failure.class)
    const { deliveryId } = entry.meta
    const seen = { subscription: subscription.key, deliveryId, class: failure.class, error: failure.message, attempt }
    engine.logger.warn('dead letter', seen)
    return published
  }
  await endStored(worker, entry, { end: what, store })
}
