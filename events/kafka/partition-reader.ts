/**
 * Reads the partitions of one generation: a loop per broker that leads some of them. Fetches wait at the broker for long while everything
 * can be read, so that idle partitions cost nearly nothing, and shortly while something is paused, so that it is read soon after it resumes.
 */
import { backoffMs } from '../../lib/backoff.ts'
import type { Clock } from '../../lib/clock.ts'
import { pause } from '../../lib/pause.ts'
import { partitionName, type LogRecord, type PartitionId } from '../event-log.ts'
import { breakFetch } from './connections.ts'
import { CODES, isTransient, KafkaCodeError } from './error-codes.ts'
import type { FetchedPartition } from './fetch-answer.ts'
import { fetchRecords } from './fetch.ts'
import { HandOver } from './hand-over.ts'
import type { KafkaClient } from './kafka-client.ts'
import { recordsFrom, type PartitionRead } from './partition-read.ts'
import type { Broker } from './wire.ts'

export interface ReaderOptions {
  client: KafkaClient
  clock: Clock
  reads: readonly PartitionRead[]
  maxRecords: number
  onRecords(partition: PartitionId, records: readonly LogRecord[]): void
  /** See ConsumerHandlers. */
  onPosition(partition: PartitionId, position: number): void
  onError(error: Error): void
  /** What is to be read next is not there: it was deleted, or the topic is another one. */
  onOutOfRange(read: PartitionRead): void
}

/** Of one broker. */
interface Loop {
  /** Something may be fetched that could not before. */
  wake: (() => void) | undefined
  fetching: { broker: Broker; isLong: boolean } | undefined
  /** Long fetches in a row that brought nothing. */
  vainFetches: number
}

const LONG_WAIT_MS = 5_000
/** Of partitions that have had nothing for a while: two hundred Triggers that wait for something are a third of the requests. */
const LONGEST_WAIT_MS = 15_000
const VAIN_FETCHES = 3
const SHORT_WAIT_MS = 50
const BACKOFF = { firstMs: 50, longestMs: 1_000 }

export class PartitionReader {
  readonly #options: ReaderOptions
  readonly #reads: ReadonlyMap<string, PartitionRead>
  readonly #loops = new Map<number, Loop>()
  readonly #running = new Set<Promise<void>>()
  readonly #stopping = new AbortController()
  readonly #handOver: HandOver
  #isFindingLeaders = false
  /** Connections that are being broken: nothing is asked meanwhile. */
  #breaking: Promise<unknown> = Promise.resolve()

  constructor(options: ReaderOptions) {
    this.#options = options
    this.#reads = new Map(options.reads.map((read) => [read.name, read]))
    this.#handOver = new HandOver({
      ...options,
      onError: (error) => this.#report(error),
      onEmpty: () => this.#wakeAll(),
    })
  }

  start(): void {
    this.#findLeaders()
  }

  /** Hands nothing over any more; settles when no fetch is on its way. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#handOver.stop()
    this.#interrupt(() => true)
    this.#wakeAll()
    await Promise.all(this.#running)
    await this.#breaking
  }

  pause(partition: PartitionId): void {
    const read = this.#reads.get(partitionName(partition))
    if (read !== undefined) read.isPaused = true
  }

  resume(partition: PartitionId): void {
    const read = this.#reads.get(partitionName(partition))
    if (read === undefined) return
    read.isPaused = false
    this.#handOver.start()
    this.#wakeAll()
  }

  seek(partition: PartitionId, offset: number): void {
    const read = this.#reads.get(partitionName(partition))
    if (read === undefined) return
    read.seek(offset)
    // A fetch on its way asks for what is not wanted any more.
    this.#interrupt(({ isLong }) => isLong)
    this.#wakeAll()
  }

  get #isStopped(): boolean {
    return this.#stopping.signal.aborted
  }

  #findLeaders(): void {
    if (this.#isFindingLeaders) return
    this.#isFindingLeaders = true
    this.#track(this.#untilLed().finally(() => (this.#isFindingLeaders = false)))
  }

  /** What fails is tried again. */
  async #untilLed(): Promise<void> {
    for (let failures = 1; !this.#isStopped; failures++) {
      try {
        const view = await this.#options.client.topics(this.#options.reads.map(({ id }) => id.topic))
        for (const read of this.#options.reads)
          read.leader = view.get(read.id.topic)?.find(({ partition }) => partition === read.id.partition)?.leader
        this.#followLeaders()
        if (this.#options.reads.every(({ leader }) => leader !== undefined)) return
      } catch (error) {
        this.#report(error)
      }
      await pause(this.#options.clock, backoffMs(failures, BACKOFF), this.#stopping.signal)
    }
  }

  #followLeaders(): void {
    for (const { leader } of this.#options.reads) {
      if (leader === undefined || this.#loops.has(leader) || this.#isStopped) continue
      const loop: Loop = { wake: undefined, fetching: undefined, vainFetches: 0 }
      this.#loops.set(leader, loop)
      this.#track(this.#run(leader, loop))
    }
    this.#wakeAll()
  }

  async #run(node: number, loop: Loop): Promise<void> {
    let failures = 0
    while (!this.#isStopped) {
      const led = this.#options.reads.filter(({ leader }) => leader === node)
      const wanted = led.filter(({ mayFetch }) => mayFetch)
      if (wanted.length === 0) {
        await new Promise<void>((resolve) => (loop.wake = resolve))
        continue
      }
      const isWell = await this.#fetch({ node, loop, wanted, isLong: wanted.length === led.length })
      failures = isWell ? 0 : failures + 1
      if (failures > 0) await pause(this.#options.clock, backoffMs(failures, BACKOFF), this.#stopping.signal)
    }
  }

  /** False: something failed, and the broker is better left alone for a moment. */
  async #fetch(of: { node: number; loop: Loop; wanted: readonly PartitionRead[]; isLong: boolean }): Promise<boolean> {
    const { node, loop, wanted, isLong } = of
    const fetching: { broker: Broker | undefined } = { broker: undefined }
    try {
      await this.#breaking
      const broker = await this.#options.client.broker(node)
      if (this.#isStopped) return true
      const asked = new Map(wanted.map((read) => [read.name, read.next]))
      loop.fetching = { broker, isLong }
      fetching.broker = broker
      const answer = await fetchRecords(broker, wanted, isLong ? longWaitMs(loop) : SHORT_WAIT_MS)
      loop.vainFetches = isLong && answer.every(isVain) ? loop.vainFetches + 1 : 0
      return this.#accept(answer, asked)
    } catch (error) {
      const wasInterrupted = fetching.broker !== undefined && loop.fetching === undefined
      if (this.#isStopped || wasInterrupted) return true
      this.#report(error)
      await this.#options.client.refresh().catch(() => undefined)
      this.#findLeaders()
      return false
    } finally {
      loop.fetching = undefined
    }
  }

  #accept(answer: readonly FetchedPartition[], asked: ReadonlyMap<string, number>): boolean {
    if (this.#isStopped) return true
    let isWell = true
    for (const fetched of answer) {
      const read = this.#reads.get(partitionName(fetched))
      // Sought meanwhile.
      if (read === undefined || read.next !== asked.get(read.name)) continue
      if (fetched.errorCode === CODES.NONE) this.#take(read, fetched)
      else {
        isWell = false
        this.#failed(read, fetched.errorCode)
      }
    }
    this.#handOver.start()
    return isWell
  }

  #take(read: PartitionRead, { records, next }: FetchedPartition): void {
    const from = read.next
    read.ready = recordsFrom(records, from)
    if (next !== undefined) read.next = Math.max(from, next)
    if (read.ready.length === 0 && read.next > from) this.#options.onPosition(read.id, read.next)
  }

  #failed(read: PartitionRead, code: number): void {
    if (code === CODES.OFFSET_OUT_OF_RANGE) return this.#options.onOutOfRange(read)
    if (!isTransient(code) && code !== CODES.UNKNOWN_TOPIC_OR_PARTITION)
      this.#report(new KafkaCodeError(code, `reading ${read.name}`))
    read.leader = undefined
    this.#findLeaders()
  }

  #wakeAll(): void {
    for (const loop of this.#loops.values()) {
      loop.wake?.()
      loop.wake = undefined
    }
  }

  #interrupt(which: (fetching: NonNullable<Loop['fetching']>) => boolean): void {
    for (const loop of this.#loops.values()) {
      if (loop.fetching === undefined || !which(loop.fetching)) continue
      const { broker } = loop.fetching
      loop.fetching = undefined
      this.#breaking = Promise.all([this.#breaking, breakFetch(broker).catch(() => undefined)])
    }
  }

  /** `stop` waits for it. */
  #track(running: Promise<void>): void {
    const tracked = running.catch((error: unknown) => this.#report(error)).finally(() => this.#running.delete(tracked))
    this.#running.add(tracked)
  }

  #report(error: unknown): void {
    if (!this.#isStopped) this.#options.onError(error instanceof Error ? error : new Error(String(error)))
  }
}

const longWaitMs = ({ vainFetches }: Loop): number => (vainFetches < VAIN_FETCHES ? LONG_WAIT_MS : LONGEST_WAIT_MS)
const isVain = ({ errorCode, records }: FetchedPartition): boolean => errorCode === CODES.NONE && records.length === 0
