/**
 * Ticks in the event log: one topic of one partition per cron Trigger. Owns the topics; leaves consuming them to dispatchers.
 * Groups of its own only look and never commit, so that they leave nothing behind.
 */
import { randomUUID } from 'node:crypto'
import type { ObjectKey } from '../../api/names.ts'
import type { Consumer, EventLog, LogRecord, PartitionEnds } from '../../events/event-log.ts'
import { cronTopic } from '../../events/topic-names.ts'
import type { Clock } from '../../lib/clock.ts'
import { isTick, tickRecord, type Tick } from './tick.ts'

export interface TickLog {
  /** Makes the topic, without what an earlier Trigger of the same name left in it. */
  prepare(key: ObjectKey, createdAtMs: number): Promise<void>
  store(tick: Tick): Promise<void>
  /** Whether the tick is among the last that were stored. True as well when it is so old that the log may have deleted it since. */
  has(tick: Tick): Promise<boolean>
  /** With everything in it. */
  remove(key: ObjectKey): Promise<void>
}

type UsedLog = Pick<EventLog, 'ensureTopics' | 'deleteTopics' | 'describe' | 'endOffsets' | 'send' | 'consumer'>

const PARTITION = 0
/** Ticks that another replica may have stored between a claim and the look at it, and more. */
const LOOK_BACK = 10
const LONGEST_READ_MS = 10_000

export function createTickLog(options: { log: UsedLog; clock: Clock }): TickLog {
  return new EventTickLog(options)
}

class EventTickLog implements TickLog {
  readonly #log: UsedLog
  readonly #clock: Clock

  constructor({ log, clock }: { log: UsedLog; clock: Clock }) {
    this.#log = log
    this.#clock = clock
  }

  async prepare(key: ObjectKey, createdAtMs: number): Promise<void> {
    const topic = cronTopic(key)
    const ends = await this.#ends(topic)
    const last = ends && (await this.#newest(topic, ends)).at(-1)
    if (last !== undefined && last.timestampMs < createdAtMs) await this.#log.deleteTopics([topic])
    await this.#ensure(topic)
  }

  async store(tick: Tick): Promise<void> {
    await this.#ensure(cronTopic(tick.key))
    await this.#log.send([tickRecord(tick)])
  }

  async has(tick: Tick): Promise<boolean> {
    const topic = cronTopic(tick.key)
    const ends = await this.#ends(topic)
    if (ends === undefined) return false
    const newest = await this.#newest(topic, ends)
    if (newest.length > 0) return newest.some((record) => isTick(record, tick))
    return ends.end > 0 && this.#clock.now() - tick.dueMs >= ends.retentionMs
  }

  remove(key: ObjectKey): Promise<void> {
    return this.#log.deleteTopics([cronTopic(key)])
  }

  #ensure(topic: string): Promise<void> {
    return this.#log.ensureTopics([{ topic, partitions: 1 }])
  }

  /** Undefined: there is no such topic. */
  async #ends(topic: string): Promise<(PartitionEnds & { retentionMs: number }) | undefined> {
    const [known] = await this.#log.describe([topic])
    const ends = known && (await this.#log.endOffsets(topic))[PARTITION]
    return ends && { ...ends, retentionMs: known.retentionMs }
  }

  async #newest(topic: string, { begin, end }: PartitionEnds): Promise<LogRecord[]> {
    if (begin >= end) return []
    const from = Math.max(begin, end - LOOK_BACK)
    const { promise, resolve, reject } = Promise.withResolvers<LogRecord[]>()
    const late = () => reject(new Error(`expected records of ${topic} within ${LONGEST_READ_MS / 1_000} s, got none`))
    const cancel = this.#clock.after(LONGEST_READ_MS, late)
    const found: LogRecord[] = []
    const consumer: Consumer = this.#log.consumer({
      group: `${topic}.look.${randomUUID()}`,
      topics: [topic],
      startFrom: 'latest',
      onAssigned: (assignments) => assignments.forEach((assignment) => consumer.seek(assignment, from)),
      onRevoked: async () => undefined,
      onRecords(_, records) {
        found.push(...records)
        if ((records.at(-1)?.offset ?? 0) >= end - 1) resolve(found)
      },
      onError: reject,
    })
    try {
      return await promise
    } finally {
      cancel()
      await consumer.close()
    }
  }
}
