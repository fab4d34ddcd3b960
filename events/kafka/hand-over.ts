/** Hands fetched records over: a bounded batch of each partition per turn, as all want their turn. */
import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '../../lib/clock.ts'
import { lastOffsetOf, type LogRecord, type PartitionId } from '../event-log.ts'
import type { PartitionRead } from './partition-read.ts'

export interface HandOverOptions {
  clock: Clock
  reads: readonly PartitionRead[]
  maxRecords: number
  onRecords(partition: PartitionId, records: readonly LogRecord[]): void
  /** See ConsumerHandlers. */
  onPosition(partition: PartitionId, position: number): void
  onError(error: unknown): void
  /** Some may be fetched again. */
  onEmpty(): void
}

/** After a receiver that threw. */
const REST_MS = 1_000

export class HandOver {
  readonly #options: HandOverOptions
  #isRunning = false
  #isStopped = false

  constructor(options: HandOverOptions) {
    this.#options = options
  }

  stop(): void {
    this.#isStopped = true
  }

  /** There is something, or a partition that had something goes on. */
  start(): void {
    if (this.#isRunning || this.#isStopped) return
    this.#isRunning = true
    void this.#run().finally(() => (this.#isRunning = false))
  }

  async #run(): Promise<void> {
    for (;;) {
      const full = this.#isStopped ? [] : this.#options.reads.filter(({ mayHand }) => mayHand)
      if (full.length === 0) return
      for (const read of full) if (read.mayHand && !this.#isStopped) this.#hand(read)
      this.#options.onEmpty()
      await turn()
    }
  }

  #hand(read: PartitionRead): void {
    const { maxRecords } = this.#options
    const all = read.ready
    const rest = all.slice(maxRecords)
    read.ready = rest
    try {
      this.#options.onRecords(read.id, rest.length === 0 ? all : all.slice(0, maxRecords))
      const last = all.at(-1)
      if (rest.length === 0 && last !== undefined && read.next > lastOffsetOf(last) + 1)
        this.#options.onPosition(read.id, read.next)
    } catch (error) {
      this.#options.onError(error)
      // Unless it has sought.
      if (read.ready === rest) read.ready = all
      this.#rest(read)
    }
  }

  #rest(read: PartitionRead): void {
    read.isResting = true
    this.#options.clock.after(REST_MS, () => {
      read.isResting = false
      this.start()
      if (!this.#isStopped) this.#options.onEmpty()
    })
  }
}
