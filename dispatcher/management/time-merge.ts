/**
 * Puts the records of several partitions in the order of their times, with one chunk of each in memory: whoever hands a chunk in is told
 * when it is used up. Within a partition the order of offsets stays, whatever times its producers wrote.
 */
import { lastOffsetOf, type LogRecord } from '../../events/event-log.ts'

interface Chunk {
  records: readonly LogRecord[]
  at: number
  /** Of the partition it is from. */
  partition: number
  done: () => void
}

export class TimeMerge {
  /** Partition → offset it is read to; those that have records left, in a chunk or still to come. */
  readonly #open: Map<number, number>
  readonly #chunks = new Map<number, Chunk>()
  #isOver = false
  #error: Error | undefined
  #wake: () => void = () => undefined

  /** Nothing is given out before each of these has something, or is read to its end. */
  constructor(ends: ReadonlyMap<number, number>) {
    this.#open = new Map(ends)
  }

  /** Settles when all of them were given out, or nobody takes them any more. One chunk of a partition at a time. */
  push(records: readonly LogRecord[]): Promise<void> {
    const [first] = records
    if (first === undefined || this.#isOver) return Promise.resolve()
    return new Promise((done) => {
      this.#chunks.set(first.partition, { records, at: 0, partition: first.partition, done })
      this.#wake()
    })
  }

  /** Nothing more comes of this one, whose chunks are used up. */
  endOf(partition: number): void {
    if (!this.#chunks.has(partition)) this.#open.delete(partition)
    this.#wake()
  }

  /** Nothing more comes or is wanted: whoever waits is let go. The first call counts. */
  end(error?: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#error = error
    for (const { done } of this.#chunks.values()) done()
    this.#chunks.clear()
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<LogRecord> {
    while (!this.#isOver) {
      const isWaiting = [...this.#open.keys()].some((partition) => !this.#chunks.has(partition))
      const chunk = isWaiting ? undefined : this.#oldest()
      if (chunk !== undefined) yield this.#take(chunk)
      else if (this.#open.size === 0) return
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
    if (this.#error !== undefined) throw this.#error
  }

  #oldest(): Chunk | undefined {
    let oldest: Chunk | undefined
    for (const chunk of this.#chunks.values()) {
      if (oldest === undefined || timeOf(chunk) < timeOf(oldest)) oldest = chunk
    }
    return oldest
  }

  #take(chunk: Chunk): LogRecord {
    const record = chunk.records[chunk.at++] as LogRecord
    if (chunk.at === chunk.records.length) {
      this.#chunks.delete(chunk.partition)
      if (lastOffsetOf(record) + 1 >= (this.#open.get(chunk.partition) ?? 0)) this.#open.delete(chunk.partition)
      chunk.done()
    }
    return record
  }
}

const timeOf = ({ records, at }: Chunk): number => records[at]?.timestampMs ?? 0
