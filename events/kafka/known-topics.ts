/** What a consumer knows of the topics it wants: which partitions there were when they were first wanted, and where it began in them. */
import { partitionName, type Assignment, type CommittedOffset, type PartitionId } from '../event-log.ts'
import { isDenied, type KafkaClient } from './kafka-client.ts'

export class KnownTopics {
  readonly #client: KafkaClient
  /** How many partitions. Zero: it did not exist, or it does not any more. */
  readonly #atFirst = new Map<string, number>()
  readonly #starts = new Map<string, number | 'begin'>()

  constructor(client: KafkaClient) {
    this.#client = client
  }

  /** Without a commit since; `begin`: what was committed is of another log. */
  get starts(): ReadonlyMap<string, number | 'begin'> {
    return this.#starts
  }

  /** At those wanted that were not looked at yet, or not ours to see; what was known of the others is forgotten. */
  async look(wanted: ReadonlySet<string>): Promise<void> {
    for (const topic of this.#atFirst.keys()) if (!wanted.has(topic)) this.#atFirst.delete(topic)
    const missing = [...wanted].filter((topic) => !this.#atFirst.has(topic))
    if (missing.length === 0) return
    const view = await this.#client.topics(missing)
    for (const topic of missing)
      if (!this.#atFirst.has(topic) && !isDenied(view, topic)) this.#atFirst.set(topic, view.get(topic)?.length ?? 0)
  }

  /** It has not appeared since, as far as we may know. */
  isOld({ topic, partition }: PartitionId): boolean {
    return partition < (this.#atFirst.get(topic) ?? Infinity)
  }

  /** A rebalance before the first commit must not begin elsewhere: it would skip what came meanwhile. */
  began(assignments: readonly Assignment[], committed: readonly CommittedOffset[]): void {
    const commits = new Set(committed.map(partitionName))
    for (const each of assignments)
      if (!commits.has(partitionName(each))) this.#starts.set(partitionName(each), each.position)
  }

  committed(offsets: readonly CommittedOffset[]): void {
    for (const each of offsets) this.#starts.delete(partitionName(each))
  }

  /** What was committed in it is of a log that is no more. */
  isAnother(partition: PartitionId): void {
    this.#starts.set(partitionName(partition), 'begin')
  }

  /** Made anew, it is read from its start. */
  gone(topic: string): void {
    if (this.#atFirst.has(topic)) this.#atFirst.set(topic, 0)
    for (const name of this.#starts.keys()) if (name.startsWith(`${topic}/`)) this.#starts.delete(name)
  }
}
