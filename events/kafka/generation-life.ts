/**
 * One generation of a group as a member lives it: heartbeats until it is over, the partitions it reads, and their commits. Commits go on
 * while partitions are let go; afterwards they are refused here, and by the broker.
 */
import type { Clock } from '../../lib/clock.ts'
import { EventLogError, partitionName, type CommittedOffset } from '../event-log.ts'
import { toLogError } from './error-codes.ts'
import { untilBeat } from './heartbeats.ts'
import type { Generation, Membership } from './membership.ts'
import type { PartitionRead } from './partition-read.ts'

export interface LifeOptions {
  membership: Membership
  generation: Generation
  clock: Clock
  heartbeatMs: number
  sessionTimeoutMs: number
  onError(error: Error): void
}

export class GenerationLife {
  readonly #options: LifeOptions
  readonly startedMs: number
  /** Settles when partitions are to be let go. */
  readonly over: Promise<void>
  readonly #reads = new Map<string, PartitionRead>()
  #end: () => void = () => undefined
  #lastHeardMs: number
  #cancelBeat: (() => void) | undefined
  #isClosed = false
  #commits: Promise<unknown> = Promise.resolve()

  constructor(options: LifeOptions) {
    this.#options = options
    this.startedMs = options.clock.now()
    this.#lastHeardMs = this.startedMs
    this.over = new Promise((resolve) => (this.#end = resolve))
    this.#beatLater()
  }

  get generation(): Generation {
    return this.#options.generation
  }

  get reads(): PartitionRead[] {
    return [...this.#reads.values()]
  }

  holds(reads: readonly PartitionRead[]): void {
    for (const read of reads) this.#reads.set(read.name, read)
  }

  /** Something is to be shared out anew. */
  end(): void {
    this.#end()
  }

  /** They are not ours any more, whatever the group thinks. */
  drop(isGone: (read: PartitionRead) => boolean): this {
    for (const read of this.reads) if (isGone(read)) this.#reads.delete(read.name)
    return this
  }

  /** No heartbeats, no commits. */
  close(): void {
    this.#isClosed = true
    this.#cancelBeat?.()
    this.#reads.clear()
    this.#end()
  }

  /** One after the other: the last word counts. */
  commit(offsets: readonly CommittedOffset[]): Promise<void> {
    const committing = this.#commits.then(() => this.#commit(offsets))
    this.#commits = committing.catch(() => undefined)
    return committing
  }

  async #commit(offsets: readonly CommittedOffset[]): Promise<void> {
    const lost = offsets.find((each) => !this.#reads.has(partitionName(each)))
    if (lost !== undefined)
      throw new EventLogError('not-assigned', `${partitionName(lost)} is not, or no longer, read by this consumer`)
    if (offsets.length === 0) return
    const { membership, generation } = this.#options
    try {
      await membership.commit(generation, offsets)
    } catch (error) {
      const failure = toLogError(error, 'a commit')
      if (failure.code === 'not-assigned') this.end()
      throw failure
    }
  }

  #beatLater(): void {
    const { clock, heartbeatMs } = this.#options
    this.#cancelBeat = clock.after(untilBeat(clock.now(), heartbeatMs), () => {
      void this.#beat().finally(() => {
        if (!this.#isClosed) this.#beatLater()
      })
    })
  }

  /** Never rejects. */
  async #beat(): Promise<void> {
    const { membership, generation, clock, sessionTimeoutMs } = this.#options
    try {
      const result = await membership.heartbeat(generation)
      this.#lastHeardMs = clock.now()
      if (result !== 'ok') this.end()
    } catch (error) {
      if (this.#isClosed) return
      this.#options.onError(toLogError(error, 'a heartbeat'))
      // The group has given our partitions to others by now.
      if (clock.now() - this.#lastHeardMs > sessionTimeoutMs) this.end()
    }
  }
}
