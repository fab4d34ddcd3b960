/** Reads topics from what a group has committed, or from the start, to the end as it is now. For what looks at records without handling them. */
import { lastOffsetOf, partitionName } from './event-log.ts'
import type { Assignment, Consumer, EventLog, LogRecord, PartitionEnds, PartitionId } from './event-log.ts'

export interface ReadOptions {
  log: EventLog
  topics: readonly string[]
  /** Who shares it shares the partitions; each reads on when the other has left. */
  group: string
  /** From the first record that is there, whatever was committed. */
  fromBeginning?: boolean
  /** Of each partition before its first record; again when it was taken away meanwhile. */
  onAssigned?(assignment: Assignment): void
  /** Handed the records of one partition as they come; what it returns is waited for before more of it are read. */
  onRecords(records: readonly LogRecord[], reader: TopicReader): Promise<void> | void
  /** Of this one there are no more. */
  onEnd?(partition: PartitionId): void
  /** Nothing of these is being handled any more, for whatever reason: the last time to commit. */
  onRevoked?(partitions: readonly PartitionId[], consumer: Consumer): Promise<void>
  signal?: AbortSignal
}

export interface TopicReader {
  readonly consumer: Consumer
  /** False: another reads it from here on, or nobody does. What was handed out of it and not handled is left. */
  isOurs(partition: PartitionId): boolean
  /** Enough was read. */
  stop(): void
}

/** Settles when everything that was there at the call, and is not read by others of the group, has been handed over. Throws what the callbacks throw, and the signal's reason. */
export async function readToEnd(options: ReadOptions): Promise<void> {
  const { log } = options
  options.signal?.throwIfAborted()
  const topics = (await log.describe(options.topics)).map(({ topic }) => topic)
  const ranges = await rangesOf(log, topics)
  if (ranges.size === 0) return
  const reading = new Reading(options, ranges)
  const consumer = log.consumer({
    group: options.group,
    topics,
    startFrom: 'earliest',
    onAssigned: (assignments) => reading.assigned(assignments),
    onRevoked: (partitions) => reading.revoked(partitions),
    onRecords: (partition, records) => reading.records(partition, records),
    onPosition: (partition, position) => reading.position(partition, position),
    onError: (error) => reading.fail(error),
  })
  reading.begin(consumer)
  try {
    await reading.finished
  } finally {
    reading.end()
    await consumer.close()
  }
}

/** `topic/partition` → where it ends now; only those with records. */
export async function endsOf(log: EventLog, topics: readonly string[]): Promise<Map<string, number>> {
  return new Map([...(await rangesOf(log, topics))].map(([name, { end }]) => [name, end]))
}

type Range = Pick<PartitionEnds, 'begin' | 'end'>

async function rangesOf(log: EventLog, topics: readonly string[]): Promise<Map<string, Range>> {
  const ranges = new Map<string, Range>()
  for (const topic of topics) {
    for (const { partition, begin, end } of await log.endOffsets(topic)) {
      if (end > begin) ranges.set(partitionName({ topic, partition }), { begin, end })
    }
  }
  return ranges
}

class Reading {
  readonly finished: Promise<void>
  readonly #options: ReadOptions
  /** What comes after was not there at the call. */
  readonly #ranges: ReadonlyMap<string, Range>
  /** Partitions that have not been read to their end. */
  readonly #left: Set<string>
  readonly #ours = new Set<string>()
  /** Of partitions of which something is being handled. */
  readonly #handling = new Map<string, Promise<void>>()
  /** Where those were that went on without records. */
  readonly #positions = new Map<string, number>()
  #consumer: Consumer | undefined
  #early: PartitionId[] = []
  #finish: () => void = () => undefined
  fail: (error: Error) => void = () => undefined
  readonly #aborted = () => this.fail(this.#options.signal?.reason as Error)

  constructor(options: ReadOptions, ranges: Map<string, Range>) {
    this.#options = options
    this.#ranges = ranges
    this.#left = new Set(ranges.keys())
    this.finished = new Promise((resolve, reject) => {
      this.#finish = resolve
      this.fail = reject
    })
    options.signal?.addEventListener('abort', this.#aborted)
  }

  end(): void {
    this.#options.signal?.removeEventListener('abort', this.#aborted)
  }

  begin(consumer: Consumer): void {
    this.#consumer = consumer
    for (const partition of this.#early) this.#rewind(consumer, partition)
  }

  assigned(assignments: readonly Assignment[]): void {
    const { fromBeginning } = this.#options
    for (const assignment of assignments) this.#ours.add(partitionName(assignment))
    for (const assignment of assignments) {
      this.#options.onAssigned?.(assignment)
      if (fromBeginning !== true) this.#passed(assignment, assignment.position)
      // Adapters may assign before they return the consumer.
      else if (this.#consumer === undefined) this.#early.push(assignment)
      else this.#rewind(this.#consumer, assignment)
    }
    this.#check()
  }

  /** Not before what is there: a log says so as an error, and that ends the reading. */
  #rewind(consumer: Consumer, partition: PartitionId): void {
    consumer.seek(partition, this.#ranges.get(partitionName(partition))?.begin ?? 0)
  }

  async revoked(partitions: readonly PartitionId[]): Promise<void> {
    for (const partition of partitions) this.#ours.delete(partitionName(partition))
    await Promise.all(partitions.flatMap((partition) => this.#handling.get(partitionName(partition)) ?? []))
    if (this.#consumer !== undefined) await this.#options.onRevoked?.(partitions, this.#consumer)
  }

  records(partition: PartitionId, records: readonly LogRecord[]): void {
    const key = partitionName(partition)
    this.#consumer?.pause([partition])
    const handling = this.#handle(partition, records)
      .catch((error: unknown) => this.fail(error instanceof Error ? error : new Error(String(error))))
      .finally(() => this.#handling.delete(key))
    this.#handling.set(key, handling)
  }

  /** It may be ahead of what is being handled. */
  position(partition: PartitionId, position: number): void {
    const key = partitionName(partition)
    this.#positions.set(key, position)
    if (this.#handling.has(key)) return
    this.#passed(partition, position)
    this.#check()
  }

  async #handle(partition: PartitionId, records: readonly LogRecord[]): Promise<void> {
    const consumer = this.#consumer
    if (consumer === undefined) return
    const isOurs = (asked: PartitionId) => this.#ours.has(partitionName(asked))
    const end = this.#ranges.get(partitionName(partition))?.end ?? 0
    const wanted = records.filter(({ offset }) => offset < end)
    if (wanted.length > 0) await this.#options.onRecords(wanted, { consumer, isOurs, stop: () => this.#finish() })
    if (!isOurs(partition)) return
    const last = records.at(-1)
    const handled = last === undefined ? 0 : lastOffsetOf(last) + 1
    const position = Math.max(handled, this.#positions.get(partitionName(partition)) ?? 0)
    if (position < end) consumer.resume([partition])
    this.#passed(partition, position)
    this.#check()
  }

  #passed(partition: PartitionId, position: number): void {
    const name = partitionName(partition)
    if (position >= (this.#ranges.get(name)?.end ?? 0) && this.#left.delete(name)) this.#options.onEnd?.(partition)
  }

  #check(): void {
    // What others in the group have is theirs to read: who waited for them while they wait for us would wait for ever.
    for (const key of this.#ours) if (this.#left.has(key)) return
    this.#finish()
  }
}
