/**
 * What became of asynchronous invocations, told by all processes of a cluster to each other over one topic of the event log, which keeps it for
 * a day (ADR 0035). Each holds the newest of it in memory. It decides nothing: a state that cannot be written is said in the log and lost, and
 * neither an invocation nor whoever accepts or delivers it pays for that.
 */
import { randomUUID } from 'node:crypto'
import { monotonicClock, type Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import { SparingLog } from '../../lib/sparing-log.ts'
import { EventLogError, type EventLog, type LogRecord } from '../event-log.ts'
import { DEFAULT_RETENTION_MS, type InvocationLedger, type InvocationState } from '../invocation-ledger.ts'
import { MemoryLedger } from '../memory-ledger.ts'
import { INVOCATIONS_TOPIC } from '../topic-names.ts'
import { boundedState, stateOf, stateRecord, writerOf } from './state-record.ts'
import { supersedes } from './supersedes.ts'
import { TopicView } from './topic-view.ts'

export interface SharedLedgerOptions {
  /** Left open. */
  log: EventLog
  logger: Logger
  clock?: Clock
  /** Epoch milliseconds. */
  now?: () => number
  /** For tests. */
  topic?: string
}

const PARTITIONS = 3
const ENTRIES = 20_000
const RESULT_BYTES = 32 * 1024 * 1024
/** That an attempt runs is told if it does so for longer: most are over before anybody could ask. */
const LINGER_MS = 100
/** So long whoever asks for what is not known is kept waiting while it is looked for. */
const LOOK_MS = 5_000

export class SharedLedger implements InvocationLedger {
  readonly #options: Required<SharedLedgerOptions>
  readonly #writer = randomUUID()
  readonly #states: MemoryLedger
  readonly #view: TopicView
  readonly #sparingLog: SparingLog
  /** Of invocations that run, and are not told to do so yet. */
  readonly #lingering = new Map<string, () => void>()
  #made: Promise<void> | undefined

  constructor(given: SharedLedgerOptions) {
    const options = { clock: monotonicClock, now: Date.now, topic: INVOCATIONS_TOPIC, ...given }
    const { log, logger, clock, now, topic } = options
    this.#options = options
    this.#states = new MemoryLedger({
      entries: ENTRIES,
      resultBytes: RESULT_BYTES,
      maxAgeMs: DEFAULT_RETENTION_MS,
      now,
    })
    this.#sparingLog = new SparingLog({ logger, clock })
    this.#view = new TopicView({
      ...{ log, topic, clock, sinceMs: now() - DEFAULT_RETENTION_MS, mostRecords: ENTRIES },
      onRecords: (records) => records.forEach((record) => this.#read(record)),
      onError: (error) => this.#lost('states of invocations cannot be read', error),
    })
    this.#make().catch((error: unknown) => this.#lost('the topic of invocations cannot be made', error))
  }

  /** Never rejects. */
  async put(given: InvocationState): Promise<void> {
    const state = boundedState(given)
    this.#states.keep(state)
    this.#lingering.get(state.id)?.()
    this.#lingering.delete(state.id)
    if (state.status !== 'running') return this.#write(state)
    const cancel = this.#options.clock.after(LINGER_MS, () => {
      this.#lingering.delete(state.id)
      void this.#write(state)
    })
    this.#lingering.set(state.id, cancel)
  }

  /** Throws EventLogError: whether it is known cannot be said now. */
  async get(id: string): Promise<InvocationState | undefined> {
    const known = this.#states.peek(id)
    if (known !== undefined) return known
    await this.#view.reachEnd(LOOK_MS)
    return this.#states.peek(id)
  }

  async close(): Promise<void> {
    for (const cancel of this.#lingering.values()) cancel()
    this.#lingering.clear()
    await this.#view.close()
  }

  /** What is ours was known when it was written. */
  #read(record: LogRecord): void {
    if (record.undecodable !== undefined || writerOf(record) === this.#writer) return
    const state = stateOf(record)
    if (state !== undefined && supersedes(state, this.#states.peek(state.id)))
      this.#states.keep(state, record.timestampMs)
  }

  async #write(state: InvocationState): Promise<void> {
    const { log, topic } = this.#options
    try {
      await this.#make()
      await log.send([stateRecord(topic, state, this.#writer)])
    } catch (error) {
      this.#lost('the state of an invocation cannot be told to others', error)
    }
  }

  #make(): Promise<void> {
    const { log, topic } = this.#options
    this.#made ??= log
      .ensureTopics([{ topic, partitions: PARTITIONS, retentionMs: DEFAULT_RETENTION_MS }])
      .catch((error: unknown) => {
        this.#made = undefined
        throw error
      })
    return this.#made
  }

  #lost(message: string, error: unknown): void {
    if (error instanceof EventLogError && error.code === 'closed') return
    this.#sparingLog.warn(message, message, { error })
  }
}
