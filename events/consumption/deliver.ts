/** One call of the function for some records, or several while a batch is halved. */
import type { DeliveryOutcome } from '../delivery.ts'
import { undecodableFailure } from '../hop-record.ts'
import { deliveryOf, type Entry } from './entry.ts'
import { outcomeOfOrphan } from './orphans.ts'
import type { PartitionWorker } from './partition-worker.ts'
import { errorText } from '../../lib/error-text.ts'

const BROKEN_RETRY_MS = 5_000

/**
 * A batch that failed as a whole is halved until it is known which records do. Undefined: not tried, because one before it failed.
 * What it throws, or a wrong number of outcomes, is the deliverer's mistake: see `heldAsBroken`.
 */
export function deliverHalving(
  worker: PartitionWorker,
  entries: readonly Entry[],
): Promise<(DeliveryOutcome | undefined)[]> {
  const [only] = entries
  if (entries.length > 1 || only === undefined) return deliverMany(worker, entries)
  return isForFunction(only) ? deliverOne(worker, only) : deliverSome(worker, entries)
}

async function deliverMany(
  worker: PartitionWorker,
  entries: readonly Entry[],
): Promise<(DeliveryOutcome | undefined)[]> {
  const { batch, ordering } = worker.options.state.subscription
  const outcomes = await deliver(worker, entries)
  // Who is known to have failed by itself would fail again: its attempts are not for looking for it.
  const isWhole = outcomes.every((outcome) => outcome.kind === 'failed' && outcome.isOwn !== true)
  if (!isWhole || batch?.bisect !== true || worker.isGone) return outcomes
  const middle = entries.length >> 1
  const left = await deliverHalving(worker, entries.slice(0, middle))
  const rest = entries.slice(middle)
  const mayGoOn = ordering === 'unordered' || left.every((outcome) => outcome?.kind === 'done')
  return [...left, ...(mayGoOn ? await deliverHalving(worker, rest) : rest.map(() => undefined))]
}

/** What cannot be decoded no function can be given. */
function isForFunction({ record, orphanOf }: Entry): boolean {
  return record.undecodable === undefined && orphanOf === undefined
}

function deliver(worker: PartitionWorker, entries: readonly Entry[]): Promise<DeliveryOutcome[]> {
  return entries.every(isForFunction) ? deliverToFunction(worker, entries) : deliverSome(worker, entries)
}

async function deliverSome(worker: PartitionWorker, entries: readonly Entry[]): Promise<DeliveryOutcome[]> {
  const others = await Promise.all(entries.map((entry) => outcomeWithoutFunction(worker, entry)))
  const own = entries.filter((_, index) => others[index] === undefined)
  const outcomes = own.length === 0 ? [] : await deliverToFunction(worker, own)
  const of = new Map(own.map((entry, index) => [entry, outcomes[index]]))
  return entries.flatMap((entry, index) => others[index] ?? of.get(entry) ?? [])
}

async function outcomeWithoutFunction(worker: PartitionWorker, entry: Entry): Promise<DeliveryOutcome | undefined> {
  const failure = undecodableFailure(entry.record)
  if (failure !== undefined) return { kind: 'rejected', failure }
  return entry.orphanOf === undefined ? undefined : outcomeOfOrphan(worker, entry, entry.orphanOf)
}

/** In as few steps of promises as can be: who waits for it catches what it must not throw. */
function deliverOne(worker: PartitionWorker, entry: Entry): Promise<DeliveryOutcome[]> {
  const { engine, state } = worker.options
  const delivery = deliveryOf(entry, worker.attemptOf(entry))
  return engine.deliverer.deliver(state.subscription, [delivery], worker.signal)
}

async function deliverToFunction(worker: PartitionWorker, entries: readonly Entry[]): Promise<DeliveryOutcome[]> {
  const { engine, state } = worker.options
  const deliveries = entries.map((entry) => deliveryOf(entry, worker.attemptOf(entry)))
  try {
    return checkCount(await engine.deliverer.deliver(state.subscription, deliveries, worker.signal), entries.length)
  } catch (error) {
    return heldAsBroken(worker, entries, error)
  }
}

export function checkCount<T>(outcomes: T[], expected: number): T[] {
  if (outcomes.length === expected) return outcomes
  throw new Error(`expected ${expected} outcomes, got ${outcomes.length}`)
}

/** Whether the function was, for this. */
export function wasCalled(outcome: DeliveryOutcome | undefined): boolean {
  const kind = outcome?.kind
  return kind !== 'held' && kind !== 'duplicate' && kind !== 'later'
}

/** A deliverer promises not to throw; if it does all the same, no record pays for it. */
export function heldAsBroken(worker: PartitionWorker, entries: readonly Entry[], error: unknown): DeliveryOutcome[] {
  const { engine, state } = worker.options
  engine.logger.error('a delivery failed within the dispatcher', { subscription: state.subscription.key, error })
  const reason = `the dispatcher failed: ${errorText(error)}`
  return entries.map(() => ({ kind: 'held', reason, retryAfterMs: BROKEN_RETRY_MS }))
}
