/**
 * Reads all of one topic in a group of its own, from some time on, and tells how far it has come. Commits nothing: whoever starts anew begins
 * anew.
 */
import { randomUUID } from 'node:crypto'
import type { Clock } from '../../lib/clock.ts'
import { EventLogError, lastOffsetOf } from '../event-log.ts'
import type { Assignment, Consumer, EventLog, LogRecord, PartitionEnds } from '../event-log.ts'

export interface TopicViewOptions {
  log: EventLog
  topic: string
  clock: Clock
  /** Epoch milliseconds: what is older is not read. */
  sinceMs: number
  /** Of each partition no more than the newest so many. */
  mostRecords: number
  onRecords(records: readonly LogRecord[]): void
  onError(error: unknown): void
}

type Ends = ReadonlyMap<number, number>

export class TopicView {
  readonly #options: TopicViewOptions
  readonly #consumer: Consumer
  /** Of each partition the offset that is read next. */
  readonly #next = new Map<number, number>()
  readonly #waiting = new Set<() => void>()

  constructor(options: TopicViewOptions) {
    const { log, topic, sinceMs } = options
    this.#options = options
    this.#consumer = log.consumer({
      ...{ group: `${topic}.${randomUUID()}`, topics: [topic], startFrom: { timestampMs: sinceMs } },
      onError: (error) => options.onError(error),
      onAssigned: (assignments) => this.#assigned(assignments),
      onRevoked: async () => undefined,
      onRecords: ({ partition }, records) => this.#records(partition, records),
    })
  }

  close(): Promise<void> {
    return this.#consumer.close()
  }

  /** Settles when all that was stored at the call has been read. Throws EventLogError `unavailable`: not within the time. */
  async reachEnd(withinMs: number): Promise<void> {
    const { clock, topic } = this.#options
    const ends = endsOf(await this.#ends())
    if (this.#isAt(ends)) return
    await new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!this.#isAt(ends)) return
        end()
        resolve()
      }
      const cancel = clock.after(withinMs, () => {
        end()
        reject(new EventLogError('unavailable', `expected to have read ${topic} to its end after ${withinMs} ms`))
      })
      const end = () => (cancel(), this.#waiting.delete(look))
      this.#waiting.add(look)
    })
  }

  #isAt(ends: Ends): boolean {
    return [...ends].every(([partition, end]) => (this.#next.get(partition) ?? -1) >= end)
  }

  #assigned(assignments: readonly Assignment[]): void {
    const known = new Map(this.#next)
    for (const { partition, position } of assignments) this.#next.set(partition, position)
    this.#looked()
    this.#skip(assignments, known).catch((error: unknown) => this.#options.onError(error))
  }

  /** What was read before, and what is too old to be kept. A topic that ends before what was read is another one. */
  async #skip(assignments: readonly Assignment[], known: ReadonlyMap<number, number>): Promise<void> {
    const ends = endsOf(await this.#ends())
    for (const { topic, partition, position } of assignments) {
      const end = ends.get(partition) ?? 0
      const before = known.get(partition) ?? 0
      const from = Math.max(end - this.#options.mostRecords, before <= end ? before : 0)
      if (from <= Math.max(position, this.#next.get(partition) ?? 0)) continue
      this.#next.set(partition, from)
      this.#consumer.seek({ topic, partition }, from)
    }
    this.#looked()
  }

  #records(partition: number, records: readonly LogRecord[]): void {
    this.#options.onRecords(records)
    const last = records.at(-1)
    if (last !== undefined) this.#next.set(partition, lastOffsetOf(last) + 1)
    this.#looked()
  }

  #looked(): void {
    for (const look of [...this.#waiting]) look()
  }

  async #ends(): Promise<PartitionEnds[]> {
    const { log, topic } = this.#options
    try {
      return await log.endOffsets(topic)
    } catch (error) {
      if (error instanceof EventLogError && error.code === 'unknown-topic') return []
      throw error
    }
  }
}

/** Of those with records. */
function endsOf(partitions: readonly PartitionEnds[]): Ends {
  return new Map(partitions.filter(({ begin, end }) => end > begin).map(({ partition, end }) => [partition, end]))
}
