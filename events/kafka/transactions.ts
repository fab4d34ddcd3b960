/** What one generation hands over: a transactional producer for each of its partitions. */
import { EventLogError, partitionName, type CommittedOffset, type NewRecord } from '../event-log.ts'
import { attempt } from './attempts.ts'
import type { Generation, Membership } from './membership.ts'
import { TransactionalProducer, type TransactionsOptions } from './transactional-producer.ts'

export type { TransactionsOptions } from './transactional-producer.ts'

type Options = TransactionsOptions & { membership: Membership; generation: Generation; isOver: () => boolean }

export class Transactions {
  readonly #options: Options
  readonly #producers: ReadonlyMap<string, TransactionalProducer>
  #isUnsure = false

  constructor(options: Options) {
    this.#options = options
    this.#producers = new Map(
      options.generation.partitions.map((id) => [partitionName(id), new TransactionalProducer({ ...options, id })]),
    )
  }

  /** Ends what others had open in our partitions; only then it is certain what they have committed. Throws EventLogError. */
  async begin(): Promise<CommittedOffset[]> {
    const { membership, generation, clock, timeoutMs } = this.#options
    if (generation.partitions.length === 0) return []
    await Promise.all([...this.#producers.values()].map((producer) => producer.begin()))
    return attempt(`reading the commits of ${membership.group}`, () => membership.committedStable(generation), {
      clock,
      timeoutMs,
    })
  }

  /** A commit without a transaction failed, and may come to the broker yet: behind a hand-over it would take that back. */
  unsure(): void {
    this.#isUnsure = true
  }

  async handOver(records: readonly NewRecord[], commit: CommittedOffset): Promise<void> {
    const producer = this.#producers.get(partitionName(commit))
    if (producer === undefined || this.#isUnsure)
      throw new EventLogError('not-assigned', `expected to know what is committed of ${partitionName(commit)}`)
    await producer.handOver(records, commit)
  }
}
