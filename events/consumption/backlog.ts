/** What of a subscription is due and waits: as operators count it, and as work that its function could be doing now. Pure. */
import type { PartitionWorker } from './partition-worker.ts'

interface RoleOf {
  options: Pick<PartitionWorker['options'], 'role'>
}
type Backlogged = Pick<PartitionWorker, 'due' | 'startable' | 'isPaused' | 'knownEnd' | 'tracker'> & RoleOf

export interface Startable {
  /** Calls that could begin at once: what ordering holds back, and retries that are not due, are none. */
  calls: number
  /** All that is left, in calls. */
  work: number
}

/** Records due and not running: in buffers, and behind those that are full. */
export function dueOf(workers: Iterable<Backlogged>): number {
  let due = 0
  for (const worker of workers) due += worker.due + behind(worker)
  return due
}

export function startableOf(workers: Iterable<Backlogged>, batchSize = 1): Startable {
  let calls = 0
  let work = 0
  for (const worker of workers) {
    // Most of thousands have nothing.
    if (worker.due === 0) continue
    const { records, lanes } = worker.startable
    // What is behind a buffer that waits as a whole waits, too.
    if (records === 0) continue
    calls += Math.min(lanes, Math.ceil(records / batchSize))
    work += (records + behind(worker)) / batchSize
  }
  return { calls, work }
}

/** How long the oldest has been waiting, or running, beyond when it might have; undefined: nothing is due. One that waits in place counts. */
export function oldestDueAgeMs({ oldest }: Pick<PartitionWorker, 'oldest'>, nowMs: number): number | undefined {
  if (oldest === undefined) return undefined
  // Only what waits for a retry has a due time.
  const sinceMs = oldest.meta.dueMs ?? oldest.record.timestampMs
  // Kafka's -1: its producer has not said when.
  return sinceMs < 0 || sinceMs > nowMs ? undefined : nowMs - sinceMs
}

/** In a source that is not read on: what lies behind, as far as it was last looked at. */
function behind({ isPaused, knownEnd, tracker, options }: Backlogged): number {
  return isPaused && options.role === 'source' ? Math.max(0, knownEnd - tracker.next) : 0
}
