/** One call of the function for some records, or several while a batch is halved. */
import type { DeliveryOutcome } from '../delivery.ts'
import { undecodableFailure } from '../hop-record.ts'
import { deliveryOf, type Entry } from './entry.ts'
import type { PartitionWorker } from './partition-worker.ts'
import { errorText } from '../../lib/error-text.ts'

const BROKEN_RETRY_MS = 5_000

/** A batch that failed as a whole is halved until it is known which records do. Undefined: not tried, because one before it failed. */
export function deliverHalving(
  worker: PartitionWorker,
  entries: readonly Entry[],
): Promise<(DeliveryOutcome | undefined)[]> {
  return entries.length === 1 ? deliver(worker, entries) : deliverMany(worker, entries)
}

async function deliverMany(
  worker: PartitionWorker,
  entries: readonly Entry[],
): Promise<(DeliveryOutcome | undefined)[]> {
  const { batch, ordering } = worker.options.state.subscription
  const outcomes = await deliver(worker, entries)
  const isWhole = outcomes.every(({ kind }) => kind === 'failed')
  if (!isWhole || batch?.bisect !== true || worker.isGone) return outcomes
  const middle = entries.length >> 1
  const left = await deliverHalving(worker, entries.slice(0, middle))
  const rest = entries.slice(middle)
  const mayGoOn = ordering === 'unordered' || left.every((outcome) => outcome?.kind === 'done')
  return [...left, ...(mayGoOn ? await deliverHalving(worker, rest) : rest.map(() => undefined))]
}

/** What cannot be decoded no function can be given. */
function deliver(worker: PartitionWorker, entries: readonly Entry[]): Promise<DeliveryOutcome[]> {
  const isReadable = entries.every(({ record }) => undecodableFailure(record) === undefined)
  return isReadable ? deliverReadable(worker, entries) : deliverSome(worker, entries)
}

async function deliverSome(worker: PartitionWorker, entries: readonly Entry[]): Promise<DeliveryOutcome[]> {
  const failures = entries.map(({ record }) => undecodableFailure(record))
  const readable = entries.filter((_, index) => failures[index] === undefined)
  const outcomes = readable.length === 0 ? [] : await deliverReadable(worker, readable)
  const of = new Map(readable.map((entry, index) => [entry, outcomes[index]]))
  return entries.flatMap((entry, index): DeliveryOutcome[] => {
    const [failure, outcome] = [failures[index], of.get(entry)]
    return failure === undefined ? (outcome === undefined ? [] : [outcome]) : [{ kind: 'rejected', failure }]
  })
}

/** A deliverer promises not to throw; if it does all the same, no record pays for it. */
async function deliverReadable(worker: PartitionWorker, entries: readonly Entry[]): Promise<DeliveryOutcome[]> {
  const { engine, state } = worker.options
  const deliveries = entries.map((entry) => deliveryOf(entry, worker.attemptOf(entry)))
  try {
    const outcomes = await engine.deliverer.deliver(state.subscription, deliveries, worker.signal)
    if (outcomes.length === entries.length) return outcomes
    throw new Error(`expected ${entries.length} outcomes, got ${outcomes.length}`)
  } catch (error) {
    engine.logger.error('a delivery failed within the dispatcher', { subscription: state.subscription.key, error })
    const reason = `the dispatcher failed: ${errorText(error)}`
    return entries.map(() => ({ kind: 'held', reason, retryAfterMs: BROKEN_RETRY_MS }))
  }
}
