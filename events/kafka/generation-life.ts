/**
 * One generation of a group as a member lives it: heartbeats until it is over, the partitions it reads, and their commits. Commits go on
 * while partitions are let go; afterwards they are refused here, and by the broker.
 */
import type { Clock } from '../../lib/clock.ts'
import { EventLogError, partitionName, type CommittedOffset, type NewRecord } from '../event-log.ts'
import { toLogError } from './error-codes.ts'
import { untilBeat } from './heartbeats.ts'
import type { Generation, Membership } from './membership.ts'
import type { PartitionRead } from './partition-read.ts'
import { Transactions, type TransactionsOptions } from './transactions.ts'

export interface LifeOptions {
  membership: Membership
  generation: Generation
  clock: Clock
  heartbeatMs: number
  sessionTimeoutMs: number
  /** Records are handed over. */
  transactions?: TransactionsOptions | undefined
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
  readonly #transactions: Transactions | undefined

  constructor(options: LifeOptions) {
    const { transactions } = options
    this.#options = options
    const isOver = () => this.#isClosed
    this.#transactions = transactions && new Transactions({ ...transactions, ...options, isOver })
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

  /** What members before us have committed. In this order: what they had not ended is ended by then. */
  async committed(): Promise<CommittedOffset[]> {
    const { membership, generation } = this.#options
    return this.#transactions === undefined ? membership.committed(generation) : this.#transactions.begin()
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

  /** See Consumer. After commits that were asked for before; the broker takes the last word. */
  async handOver(records: readonly NewRecord[], commit: CommittedOffset): Promise<void> {
    if (this.#transactions === undefined) throw new Error('expected a consumer that hands records over')
    await this.#commits
    this.#checkOurs([commit])
    try {
      await this.#transactions.handOver(records, commit)
    } catch (error) {
      if (!(error instanceof EventLogError) || error.code !== 'not-assigned' || this.#isClosed) throw error
      // Others may have decided what became of it, which is known when we have joined anew.
      this.drop(({ name }) => name === partitionName(commit)).end()
      this.#options.onError(error)
      throw error
    }
  }

  async #commit(offsets: readonly CommittedOffset[]): Promise<void> {
    this.#checkOurs(offsets)
    if (offsets.length === 0) return
    const { membership, generation } = this.#options
    try {
      await membership.commit(generation, offsets)
    } catch (error) {
      const failure = toLogError(error, 'a commit')
      if (failure.code === 'not-assigned') this.end()
      else this.#transactions?.unsure()
      throw failure
    }
  }

  #checkOurs(offsets: readonly CommittedOffset[]): void {
    const lost = offsets.find((each) => !this.#reads.has(partitionName(each)))
    if (lost !== undefined)
      throw new EventLogError('not-assigned', `${partitionName(lost)} is not, or no longer, read by this consumer`)
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
