/** The event machinery on a real SQLite log, with virtual time and a deliverer that does what the test says. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { Consumption } from '../../events/consumption/consumption.ts'
import { Engine, type EngineLimits, type RecordEnd } from '../../events/consumption/engine.ts'
import type { Deliverer, Delivery, DeliveryOutcome, ErrorClass } from '../../events/delivery.ts'
import {
  EventLogError,
  type ConsumerOptions,
  type EventLog,
  type LogRecord,
  type NewRecord,
} from '../../events/event-log.ts'
import { readToEnd } from '../../events/read-topic.ts'
import { textOf } from '../../events/record-headers.ts'
import { openSqliteEventLog, type SqliteEventLog } from '../../events/sqlite/sqlite-event-log.ts'
import type { Subscription } from '../../events/subscription.ts'
import { silentLogger } from '../../lib/logger.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { replacing } from './replacing.ts'

export const DONE: DeliveryOutcome = { kind: 'done' }
export const failed = (message = 'no', errorClass: ErrorClass = 'handled'): DeliveryOutcome => ({
  kind: 'failed',
  failure: { class: errorClass, message },
})
export const held = (reason = 'no pod', retryAfterMs = 1_000): DeliveryOutcome => ({
  kind: 'held',
  reason,
  retryAfterMs,
})

export const valueOf = ({ record }: Pick<Delivery, 'record'>): string => record.value?.toString() ?? ''

export function subscription(part: Partial<Subscription> = {}): Subscription {
  return {
    key: 'default/mailer',
    kind: 'trigger',
    uid: '11112222-3333',
    functionKey: 'default/mailer',
    topics: ['orders'],
    startFrom: 'earliest',
    ordering: 'unordered',
    retry: {
      maxAttempts: 3,
      backoff: { initialMs: 1_000, factor: 2, maxMs: 60_000 },
      maxAge: { ms: 86_400_000, since: 'failure' },
    },
    onExhausted: 'deadLetter',
    ...part,
  }
}

export interface Seen {
  value: string
  attempt: number
  deliveryId: string
  atMs: number
  batch: number
}

/** What the function does with each delivery. */
export type Handle = (delivery: Delivery) => DeliveryOutcome | Promise<DeliveryOutcome>

export class EventBed {
  readonly clock = new FakeClock()
  readonly directory = mkdtempSync(join(tmpdir(), 'dormouse-events-'))
  log: SqliteEventLog
  readonly seen: Seen[] = []
  readonly ends: RecordEnd[] = []
  capacity = 100
  handle: Handle = () => DONE
  /** Most calls that ran at once. */
  mostRunning = 0
  #running = 0
  #batches = 0
  #consumptions: Consumption[] = []

  constructor() {
    this.log = this.#open()
  }

  #open(): SqliteEventLog {
    return openSqliteEventLog({
      path: join(this.directory, 'events.db'),
      logger: silentLogger,
      clock: this.clock,
      now: this.clock.now,
      isPaced: false,
    })
  }

  /** Closes and opens the log again, as a new process does. */
  async reopen(): Promise<void> {
    await this.log.close()
    this.log = this.#open()
  }

  readonly deliverer: Deliverer = {
    capacity: () => this.capacity,
    deliver: async (_subscription, deliveries) => {
      const batch = ++this.#batches
      this.mostRunning = Math.max(this.mostRunning, ++this.#running)
      const outcomes = deliveries.map((delivery) => {
        const { attempt, deliveryId } = delivery
        this.seen.push({ value: valueOf(delivery), attempt, deliveryId, atMs: this.clock.now(), batch })
        return this.handle(delivery)
      })
      const settled = await Promise.all(outcomes.map(async (outcome) => outcome))
      this.#running--
      return settled
    },
  }

  engine({ log = this.log, limits }: { log?: EventLog; limits?: Partial<EngineLimits> } = {}): Engine {
    return new Engine({
      ...{ log, deliverer: this.deliverer, clock: this.clock, wall: this.clock, logger: silentLogger },
      ...(limits && { limits }),
      onEnd: (end) => {
        this.ends.push(end)
        return undefined
      },
    })
  }

  async consume(
    of: Subscription | readonly Subscription[] = subscription(),
    options: { engine?: Engine; group?: string } = {},
  ): Promise<Consumption> {
    const subscriptions = Array.isArray(of) ? (of as readonly Subscription[]) : [of as Subscription]
    const { engine = this.engine(), group = 'group' } = options
    const consumption = new Consumption({ engine, group, startFrom: subscriptions[0]?.startFrom ?? 'earliest' })
    this.#consumptions.push(consumption)
    await consumption.setSubscriptions(subscriptions)
    await this.settle()
    return consumption
  }

  /** `key:value` or a value. */
  async publish(...texts: string[]): Promise<void> {
    await this.log.send(texts.map((text) => newRecord(text)))
    await this.settle()
  }

  /** Lets everything happen that needs no time. */
  async settle(turns = 60): Promise<void> {
    for (let n = 0; n < turns; n++) await turn()
  }

  /** In steps, so that what timers start can go on before the next. */
  async advance(byMs: number, stepMs = byMs): Promise<void> {
    for (let left = byMs; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(stepMs, left))
      await this.settle()
    }
  }

  async read(topic: string): Promise<LogRecord[]> {
    const records: LogRecord[] = []
    const group = `read-${Math.random()}`
    await readToEnd({ log: this.log, topics: [topic], group, onRecords: (batch) => void records.push(...batch) })
    return records
  }

  async deadLetters(topic = 'dormouse.default.mailer.dlt'): Promise<string[]> {
    const records = await this.read(topic)
    return records.map((record) => `${record.value?.toString()} ${textOf(record.headers, 'dormouse-error-class')}`)
  }

  async stop(): Promise<void> {
    await Promise.all(this.#consumptions.map((consumption) => consumption.close()))
    await this.log.close()
    rmSync(this.directory, { recursive: true, force: true })
  }
}

export function newRecord(text: string, topic = 'orders'): NewRecord {
  const [key, value] = text.includes(':') ? text.split(':', 2) : [undefined, text]
  return { topic, key: key === undefined ? null : Buffer.from(key), value: Buffer.from(value ?? ''), headers: [] }
}

/** The log with some sends failing. */
export function withFailingSends(log: EventLog, fails: (record: NewRecord) => Error | undefined): EventLog {
  return replacing(log, {
    send: async (records) => {
      const error = records.map(fails).find((each) => each !== undefined)
      if (error !== undefined) throw error
      return log.send(records)
    },
  })
}

/** The log as one sees it who is killed before he can commit. */
export function withFailingCommits(log: EventLog): EventLog {
  return replacing(log, {
    consumer: (options) =>
      replacing(log.consumer(options), {
        commit: async () => {
          throw new EventLogError('unavailable', 'killed')
        },
      }),
  })
}

/** The log, with what its consumers were made with. */
export function withSeenConsumers(log: EventLog, seen: ConsumerOptions[]): EventLog {
  return replacing(log, {
    consumer: (options) => {
      seen.push(options)
      return log.consumer(options)
    },
  })
}
