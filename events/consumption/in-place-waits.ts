/** Entries that failed and wait for their next attempt where they are: a timer each, as only a bounded number of them may fail at once. */
import type { Clock } from '../../lib/clock.ts'
import { leftOfWaitMs } from '../retry-policy.ts'
import type { Entry } from './entry.ts'
import type { PartitionWorker } from './partition-worker.ts'

export class InPlaceWaits {
  readonly #clock: Clock
  readonly #onOver: (entry: Entry) => void
  readonly #cancels = new Map<Entry, () => void>()

  constructor(clock: Clock, onOver: (entry: Entry) => void) {
    this.#clock = clock
    this.#onOver = onOver
  }

  get size(): number {
    return this.#cancels.size
  }

  begin(entry: Entry, delayMs: number): void {
    const cancel = this.#clock.after(delayMs, () => {
      this.#cancels.delete(entry)
      this.#onOver(entry)
    })
    this.#cancels.set(entry, cancel)
  }

  stop(): void {
    for (const cancel of this.#cancels.values()) cancel()
    this.#cancels.clear()
  }
}

/** Of a record that waited in place when the partition was taken away from whoever had it; in milliseconds. */
export function leftOfWait(worker: PartitionWorker, entry: Entry): number {
  const { engine, state } = worker.options
  const known = worker.tracker.inPlace(entry.record.offset)
  if (known === undefined) return 0
  const { firstFailedAtMs } = known
  const at = { failures: worker.attemptOf(entry) - 1, firstFailedAtMs, nowMs: engine.wall.now() }
  return leftOfWaitMs(state.subscription.retry, at)
}
