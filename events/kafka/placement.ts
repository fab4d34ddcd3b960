/** Which partition a record goes to. */
import { partitionName, EventLogError, type NewRecord } from '../event-log.ts'
import { partitionOfKey } from '../murmur2.ts'

export class Placement {
  readonly #random: () => number
  /** Topic → where records without a key go until the next turn: they share batches. */
  readonly #sticky = new Map<string, number>()

  constructor(random: () => number = Math.random) {
    this.#random = random
  }

  /** Throws EventLogError `unknown-topic` for a partition that is not there. */
  place({ topic, key, partition }: NewRecord, count: number): number {
    if (partition !== undefined) {
      if (partition >= 0 && partition < count) return partition
      const got = partitionName({ topic, partition })
      throw new EventLogError('unknown-topic', `expected one of the ${count} partitions of ${topic}, got ${got}`)
    }
    if (key !== null) return partitionOfKey(key, count)
    const known = this.#sticky.get(topic)
    if (known !== undefined && known < count) return known
    const chosen = Math.floor(this.#random() * count)
    this.#sticky.set(topic, chosen)
    return chosen
  }

  nextTurn(): void {
    this.#sticky.clear()
  }
}
