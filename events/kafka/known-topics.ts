/** What a consumer knows of the topics it wants: how many of their partitions there were when they were first wanted. */
import type { PartitionId } from '../event-log.ts'
import type { TopicsView } from './kafka-client.ts'

export class KnownTopics {
  /** Zero: it did not exist, or it does not any more. */
  readonly #atFirst = new Map<string, number>()

  /** Those not looked at yet; the others of earlier are forgotten. */
  missing(wanted: ReadonlySet<string>): string[] {
    for (const topic of this.#atFirst.keys()) if (!wanted.has(topic)) this.#atFirst.delete(topic)
    return [...wanted].filter((topic) => !this.#atFirst.has(topic))
  }

  first(topics: readonly string[], view: TopicsView): void {
    for (const topic of topics) this.#atFirst.set(topic, view.get(topic)?.length ?? 0)
  }

  /** Made anew, it is read from its start. */
  gone(topic: string): void {
    if (this.#atFirst.has(topic)) this.#atFirst.set(topic, 0)
  }

  /** It has not appeared since. */
  isOld({ topic, partition }: PartitionId): boolean {
    return partition < (this.#atFirst.get(topic) ?? 0)
  }
}
