/** What the contract suite needs of an adapter, and the words its tests are written in. A broker will have to pass it, too. */
import { afterAll, afterEach, beforeAll, jest } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import {
  EventLogError,
  partitionName,
  type Assignment,
  type CommittedOffset,
  type Consumer,
  type ConsumerOptions,
  type EventLog,
  type Header,
  type LogRecord,
  type NewRecord,
  type PartitionId,
} from '../../../events/event-log.ts'
import { eventually } from '../../builders/eventually.ts'

export interface EventLogHarness {
  open(): Promise<OpenLog>
  /** Longest that anything may take that happens in the background: a rebalance, too, of members that do not let go in time. */
  patienceMs: number
  /**
   * A topic that appears or goes leaves the other partitions as they are. Kafka's eager protocol takes them away and gives them anew, so that
   * what was not committed comes again.
   */
  keepsWhatStays: boolean
}

export interface OpenLog {
  log: EventLog
  /** Closes the log and forgets what it stored. */
  close(): Promise<void>
}

export const text = (record: LogRecord): string => record.value?.toString() ?? ''
export const unique = (name: string): string => `${name}-${randomUUID().slice(0, 8)}`
export const numbers = (count: number): string[] => Array.from({ length: count }, (_, n) => `${n}`)

export function record(topic: string, value: string | null, part: Partial<NewRecord> = {}): NewRecord {
  return { topic, key: null, value: value === null ? null : Buffer.from(value), headers: [], ...part }
}

export const header = (name: string, value: string | number[]): Header => [
  name,
  typeof value === 'string' ? Buffer.from(value) : Buffer.from(value),
]

export type ListenerOptions = Pick<ConsumerOptions, 'group' | 'topics'> & Partial<ConsumerOptions>

/** A consumer that remembers everything it is told. */
export class Listener {
  readonly records: LogRecord[] = []
  readonly assigned: Assignment[] = []
  readonly revoked: PartitionId[] = []
  readonly errors: Error[] = []
  /** Records of each call. */
  readonly batches: (readonly LogRecord[])[] = []
  /** What it has now. */
  readonly held = new Set<string>()
  readonly consumer: Consumer
  /** Runs before a revocation settles. */
  beforeLetGo: (partitions: readonly PartitionId[]) => Promise<void> = async () => undefined

  constructor(log: EventLog, options: ListenerOptions) {
    this.consumer = log.consumer({
      startFrom: 'earliest',
      onAssigned: (assignments) => {
        this.assigned.push(...assignments)
        for (const each of assignments) this.held.add(partitionName(each))
      },
      onRevoked: async (partitions) => {
        this.revoked.push(...partitions)
        for (const each of partitions) this.held.delete(partitionName(each))
        await this.beforeLetGo(partitions)
      },
      onRecords: (_partition, records) => {
        this.batches.push(records)
        this.records.push(...records)
      },
      onError: (error) => void this.errors.push(error),
      ...options,
    })
  }

  get texts(): string[] {
    return this.records.map(text)
  }

  textsOf(partition: number): string[] {
    return this.records.filter((each) => each.partition === partition).map(text)
  }

  /** Everything it has received, as committed. */
  async commitAll(metadata = ''): Promise<void> {
    const next = new Map<string, CommittedOffset>()
    for (const { topic, partition, offset } of this.records) {
      next.set(partitionName({ topic, partition }), { topic, partition, offset: offset + 1, metadata })
    }
    await this.consumer.commit([...next.values()])
  }
}

export interface Bench {
  readonly log: EventLog
  /** Until none of the expectations fails. */
  until(check: () => void | Promise<void>): Promise<unknown>
  /** Closed after the test. */
  listen(options: ListenerOptions): Listener
  /** Reads until it has that many records. */
  read(topic: string, count: number): Promise<Listener>
  /** Makes one of a name of its own. */
  topicOf(partitions: number): Promise<string>
}

/** Call inside describe: one log for its tests, whose topics and groups have names of their own. */
export function useLog({ open, patienceMs }: EventLogHarness): Bench {
  let opened: OpenLog
  const listeners: Listener[] = []
  jest.setTimeout(4 * patienceMs)
  beforeAll(async () => {
    opened = await open()
  })
  afterEach(async () => {
    await Promise.all(listeners.splice(0).map(({ consumer }) => consumer.close()))
  })
  afterAll(() => opened.close())
  const bench: Bench = {
    get log() {
      return opened.log
    },
    until: (check) => eventually('the expectations hold', async () => (await check(), true), { withinMs: patienceMs }),
    listen: (options) => {
      const listener = new Listener(opened.log, options)
      listeners.push(listener)
      return listener
    },
    read: async (topic, count) => {
      const listener = bench.listen({ group: unique('read'), topics: [topic] })
      await bench.until(() => {
        if (listener.records.length < count) throw new Error(`${listener.records.length} of ${count} records came`)
      })
      return listener
    },
    topicOf: async (partitions) => {
      const topic = unique('topic')
      await opened.log.ensureTopics([{ topic, partitions }])
      return topic
    },
  }
  return bench
}

/** Of the EventLogError that it fails with. */
export const codeOf = async (action: Promise<unknown>): Promise<string> =>
  action.then(
    () => 'no error',
    (error: unknown) => (error instanceof EventLogError ? error.code : String(error)),
  )
