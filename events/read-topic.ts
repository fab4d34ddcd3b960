/** Reads topics from what a group has committed, or from the start, to the end as it is now. For what looks at records without handling them. */
import type { Assignment, Consumer, EventLog, LogRecord, PartitionId } from './event-log.ts'

export interface ReadOptions {
  log: EventLog
  topics: readonly string[]
  /** Nobody else may read in it meanwhile. */
  group: string
  /** Of each partition before its first record. */
  onAssigned?(assignment: Assignment): void
  /** Handed records as they come; what it returns is waited for before more of the partition are read. */
  onRecords(records: readonly LogRecord[], consumer: Consumer): Promise<void> | void
  /** Called once, when all has been read: the last time to commit. */
  beforeClose?(consumer: Consumer): Promise<void>
  signal?: AbortSignal
}

/** Settles when everything that was there at the call has been handed over. Throws what the callbacks throw, and the signal's reason. */
export async function readToEnd(options: ReadOptions): Promise<void> {
  const { log } = options
  const topics = (await log.describe(options.topics)).map(({ topic }) => topic)
  const ends = await endsOf(log, topics)
  if (ends.size === 0) return
  const reading = new Reading(options, ends)
  const consumer = log.consumer({
    group: options.group,
    topics,
    startFrom: 'earliest',
    onAssigned: (assignments) => reading.assigned(assignments),
    onRevoked: async () => undefined,
    onRecords: (partition, records) => reading.records(partition, records),
    onError: (error) => reading.fail(error),
  })
  reading.consumer = consumer
  try {
    await reading.finished
    await options.beforeClose?.(consumer)
  } finally {
    await consumer.close()
  }
}

/** `topic/partition` → where it ends now; only those with records. */
async function endsOf(log: EventLog, topics: readonly string[]): Promise<Map<string, number>> {
  const ends = new Map<string, number>()
  for (const topic of topics) {
    for (const { partition, begin, end } of await log.endOffsets(topic)) {
      if (end > begin) ends.set(keyOf({ topic, partition }), end)
    }
  }
  return ends
}

class Reading {
  consumer: Consumer | undefined
  readonly finished: Promise<void>
  readonly #options: ReadOptions
  /** Partitions that have not been read to their end. */
  readonly #left: Map<string, number>
  #finish: () => void = () => undefined
  fail: (error: Error) => void = () => undefined

  constructor(options: ReadOptions, ends: Map<string, number>) {
    this.#options = options
    this.#left = ends
    this.finished = new Promise((resolve, reject) => {
      this.#finish = resolve
      this.fail = reject
    })
    const { signal } = options
    signal?.addEventListener('abort', () => this.fail(signal.reason as Error), { once: true })
  }

  assigned(assignments: readonly Assignment[]): void {
    for (const assignment of assignments) {
      this.#options.onAssigned?.(assignment)
      this.#reached(assignment, assignment.position)
    }
  }

  records(partition: PartitionId, records: readonly LogRecord[]): void {
    this.consumer?.pause([partition])
    const handled = async () => {
      if (this.consumer !== undefined) await this.#options.onRecords(records, this.consumer)
      this.consumer?.resume([partition])
      this.#reached(partition, (records.at(-1)?.offset ?? -1) + 1)
    }
    void handled().catch((error: unknown) => this.fail(error instanceof Error ? error : new Error(String(error))))
  }

  #reached(partition: PartitionId, position: number): void {
    const end = this.#left.get(keyOf(partition))
    if (end !== undefined && position >= end) this.#left.delete(keyOf(partition))
    if (this.#left.size === 0) this.#finish()
  }
}

const keyOf = ({ topic, partition }: PartitionId): string => `${topic}/${partition}`
