/** Sends: makes topics that are missing, finds each record its partition, and tells where it went. */
import type { Clock } from '../../lib/clock.ts'
import { checkTopicName, EventLogError, type NewRecord, type RecordPosition } from '../event-log.ts'
import { attempt } from './attempts.ts'
import type { KafkaClient } from './kafka-client.ts'
import { KafkaProducer } from './kafka-producer.ts'
import { Placement } from './placement.ts'

export interface KafkaSenderOptions {
  client: KafkaClient
  clock: Clock
  now(): number
  timeoutMs: number
  /** With the default number of partitions. */
  make(topic: string): Promise<void>
}

/** Partitions that were added get their share after so long. */
const COUNTED_FOR_MS = 30_000

export class KafkaSender {
  readonly #options: KafkaSenderOptions
  readonly #producer: KafkaProducer
  readonly #placement = new Placement()
  /** Partitions of each topic. */
  readonly #counts = new Map<string, { count: Promise<number>; untilMs: number }>()
  #isTurn = false

  constructor(options: KafkaSenderOptions) {
    this.#options = options
    this.#producer = new KafkaProducer(options)
  }

  async send(records: readonly NewRecord[]): Promise<RecordPosition[]> {
    for (const { topic } of records) checkTopicName(topic)
    // All settle before one failure is told: else another's would be nobody's.
    const settled = await Promise.allSettled(records.map((record) => this.#sendOne(record)))
    const failed = settled.find((each) => each.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    return settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  }

  /** Where records go that somebody else writes. */
  async place(records: readonly NewRecord[]): Promise<number[]> {
    for (const { topic } of records) checkTopicName(topic)
    const places: number[] = []
    for (const record of records) places.push(this.#placement.place(record, await this.#count(record.topic)))
    this.#endTurn()
    return places
  }

  /** They were deleted. */
  forget(topics: readonly string[]): void {
    for (const topic of topics) this.#counts.delete(topic)
  }

  close(): Promise<void> {
    return this.#producer.close()
  }

  async #sendOne(record: NewRecord): Promise<RecordPosition> {
    const known = this.#counts.get(record.topic)
    try {
      return await this.#write(record)
    } catch (error) {
      // What we knew of the topic may be old.
      const mayBeOld = known !== undefined && error instanceof EventLogError && error.code === 'unknown-topic'
      if (!mayBeOld) throw error
      if (this.#counts.get(record.topic) === known) this.#counts.delete(record.topic)
      return this.#write(record)
    }
  }

  async #write(record: NewRecord): Promise<RecordPosition> {
    const { topic } = record
    const partition = this.#placement.place(record, await this.#count(topic))
    this.#endTurn()
    const offset = await new Promise<number>((resolve, reject) =>
      this.#producer.write({ record, partition, resolve, reject }),
    )
    return { topic, partition, offset }
  }

  /** Waited for even when it is known: sends of one topic keep their order. */
  #count(topic: string): Promise<number> {
    const nowMs = this.#options.clock.now()
    const known = this.#counts.get(topic)
    if (known !== undefined && known.untilMs > nowMs) return known.count
    const count = this.#look(topic)
    this.#counts.set(topic, { count, untilMs: nowMs + COUNTED_FOR_MS })
    count.catch(() => this.#counts.delete(topic))
    return count
  }

  #look(topic: string): Promise<number> {
    const { client, clock, timeoutMs } = this.#options
    return attempt(`sending to ${topic}`, () => this.#countOrMake(topic), {
      ...{ clock, timeoutMs, beforeRetry: () => client.refresh() },
    })
  }

  async #countOrMake(topic: string): Promise<number> {
    const there = (await this.#options.client.topics([topic])).get(topic)
    if (there !== undefined && there.length > 0) return there.length
    await this.#options.make(topic)
    const made = (await this.#options.client.topics([topic])).get(topic)
    if (made !== undefined && made.length > 0) return made.length
    throw new EventLogError('unavailable', `expected ${topic} to exist after it was made`)
  }

  #endTurn(): void {
    if (this.#isTurn) return
    this.#isTurn = true
    setImmediate(() => {
      this.#isTurn = false
      this.#placement.nextTurn()
    })
  }
}
