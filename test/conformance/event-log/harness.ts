/** What the contract suite needs of an adapter; a broker will have to pass it too. */
import { randomUUID } from 'node:crypto'
import type {
  Assignment,
  Consumer,
  ConsumerOptions,
  EventLog,
  Header,
  LogRecord,
  NewRecord,
  PartitionId,
} from '../../../events/event-log.ts'

export interface EventLogHarness {
  name: string
  start(): Promise<EventLog>
  stop(): Promise<void>
  /** Longest that a rebalance may take, with room. */
  patienceMs: number
}

export const text = (record: LogRecord): string => record.value?.toString() ?? ''
export const unique = (name: string): string => `${name}-${randomUUID().slice(0, 8)}`

export function record(topic: string, value: string | null, part: Partial<NewRecord> = {}): NewRecord {
  return { topic, key: null, value: value === null ? null : Buffer.from(value), headers: [], ...part }
}

export const header = (name: string, value: string | number[]): Header => [
  name,
  typeof value === 'string' ? Buffer.from(value) : Buffer.from(value),
]

/** A consumer that remembers everything it is told. */
export class Listener {
  readonly records: LogRecord[] = []
  readonly assigned: Assignment[] = []
  readonly revoked: PartitionId[] = []
  readonly errors: Error[] = []
  /** What it has now. */
  readonly held = new Set<string>()
  readonly consumer: Consumer
  /** Runs before a revocation settles. */
  beforeLetGo: (partitions: readonly PartitionId[]) => Promise<void> = async () => undefined

  constructor(log: EventLog, options: Pick<ConsumerOptions, 'group' | 'topics'> & Partial<ConsumerOptions>) {
    this.consumer = log.consumer({
      startFrom: 'earliest',
      onAssigned: (assignments) => {
        this.assigned.push(...assignments)
        for (const each of assignments) this.held.add(keyOf(each))
      },
      onRevoked: async (partitions) => {
        this.revoked.push(...partitions)
        await this.beforeLetGo(partitions)
        for (const each of partitions) this.held.delete(keyOf(each))
      },
      onRecords: (_partition, records) => void this.records.push(...records),
      onError: (error) => void this.errors.push(error),
      ...options,
    })
  }

  get texts(): string[] {
    return this.records.map(text)
  }

  /** Everything it has received, as committed. */
  async commitAll(metadata = ''): Promise<void> {
    const next = new Map<string, { topic: string; partition: number; offset: number; metadata: string }>()
    for (const { topic, partition, offset } of this.records) {
      next.set(keyOf({ topic, partition }), { topic, partition, offset: offset + 1, metadata })
    }
    await this.consumer.commit([...next.values()])
  }
}

export const keyOf = ({ topic, partition }: PartitionId): string => `${topic}/${partition}`
