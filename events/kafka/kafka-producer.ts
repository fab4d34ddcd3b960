/**
 * Writes records: what comes in one turn, or while a broker is busy, goes there in one request. Idempotent, on all replicas, tried again
 * until it is too late. kafkajs's producer is not used: one topic that was deleted or one record at fault would fail everybody's, and after
 * a time-out it gives the same sequence numbers to other records, which the broker then drops as known.
 */
import { backoffMs } from '../../lib/backoff.ts'
import type { Clock } from '../../lib/clock.ts'
import { EventLogError, partitionName } from '../event-log.ts'
import { CODES, isTransient, KafkaCodeError, toLogError } from './error-codes.ts'
import type { KafkaClient, TopicsView } from './kafka-client.ts'
import { ProducerLane, type Batch, type Identity, type Sending } from './producer-lane.ts'
import { wireMessage } from './wire-message.ts'
import { withResponses } from './wire.ts'
import { byTopic } from './list-offsets.ts'

export interface KafkaProducerOptions {
  client: KafkaClient
  clock: Clock
  /** Epoch milliseconds. */
  now(): number
  timeoutMs: number
}

type Write = Pick<Sending, 'record' | 'resolve' | 'reject'> & { partition: number }
type Going = [lane: ProducerLane, batch: Batch]

const BACKOFF = { firstMs: 20, longestMs: 1_000 }
const MAX_REQUEST_BYTES = 8 * 1024 * 1024
/** For replicas to confirm, at most. */
const ACK_TIMEOUT_MS = 10_000
const NETWORK_MS = 5_000
/** Of transactions, which there are none of: the broker wants a number. */
const TRANSACTION_TIMEOUT_MS = 10_000
const NEW_IDENTITY = new Set<number>([
  ...[CODES.OUT_OF_ORDER_SEQUENCE_NUMBER, CODES.UNKNOWN_PRODUCER_ID, CODES.INVALID_PRODUCER_EPOCH],
])

export class KafkaProducer {
  readonly #options: KafkaProducerOptions
  readonly #lanes = new Map<string, ProducerLane>()
  readonly #busy = new Set<number>()
  #leaders: TopicsView = new Map()
  #identity: Promise<Identity> | undefined
  #refreshing: Promise<void> | undefined
  #isScheduled = false
  #cancelLater: (() => void) | undefined
  #whenIdle: (() => void) | undefined

  constructor(options: KafkaProducerOptions) {
    this.#options = options
  }

  write({ record, partition, resolve, reject }: Write): void {
    const name = partitionName({ topic: record.topic, partition })
    let lane = this.#lanes.get(name)
    if (lane === undefined) this.#lanes.set(name, (lane = new ProducerLane(record.topic, partition)))
    lane.push(record, { untilMs: this.#options.clock.now() + this.#options.timeoutMs, resolve, reject })
    this.#schedule()
  }

  /** What waits is written first. */
  async close(): Promise<void> {
    if (this.#open.length > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve))
    this.#cancelLater?.()
  }

  get #open(): ProducerLane[] {
    return [...this.#lanes.values()].filter((lane) => !lane.isEmpty)
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#pump()
    })
  }

  #pump(): void {
    const nowMs = this.#options.clock.now()
    const resting = this.#open.filter(({ isOnItsWay }) => !isOnItsWay)
    for (const lane of resting) if (lane.untilMs <= nowMs) lane.giveUp(this.#tooLate(lane))
    const ready = resting.filter((lane) => !lane.isEmpty && lane.notBeforeMs <= nowMs)
    for (const [leader, lanes] of Map.groupBy(ready, (lane) => this.#leaderOf(lane))) {
      if (leader === undefined) this.#refresh()
      else if (!this.#busy.has(leader)) void this.#produce(leader, lanes)
    }
    this.#pumpLater(nowMs)
    if (this.#open.length === 0) this.#whenIdle?.()
  }

  /** For what rests after a failure, or becomes too late. */
  #pumpLater(nowMs: number): void {
    this.#cancelLater?.()
    this.#cancelLater = undefined
    const moments = this.#open
      .filter(({ isOnItsWay }) => !isOnItsWay)
      .map((lane) => (lane.notBeforeMs > nowMs ? Math.min(lane.notBeforeMs, lane.untilMs) : lane.untilMs))
    if (moments.length === 0) return
    const inMs = Math.max(1, Math.min(...moments) - nowMs)
    this.#cancelLater = this.#options.clock.after(inMs, () => this.#pump())
  }

  #leaderOf({ topic, partition }: ProducerLane): number | undefined {
    return this.#leaders.get(topic)?.find((each) => each.partition === partition)?.leader
  }

  /** Never rejects. */
  async #produce(leader: number, lanes: readonly ProducerLane[]): Promise<void> {
    this.#busy.add(leader)
    for (const lane of lanes) lane.isOnItsWay = true
    try {
      await this.#identify(lanes)
      const going = pack(lanes)
      for (const [identity, own] of Map.groupBy(going, ([, batch]) => batch.identity))
        await this.#send(leader, identity, own)
    } catch (error) {
      for (const lane of lanes) this.#again(lane, error)
      this.#refresh()
    } finally {
      for (const lane of lanes) lane.isOnItsWay = false
      this.#busy.delete(leader)
      this.#schedule()
    }
  }

  async #send(leader: number, { producerId, producerEpoch }: Identity, going: readonly Going[]): Promise<void> {
    const { timeoutMs } = this.#options
    const timeout = Math.min(ACK_TIMEOUT_MS, timeoutMs)
    const broker = withResponses(await this.#options.client.broker(leader), ({ request, response }) => ({
      request,
      response: { ...response, parse: async (data) => data },
      // kafkajs takes no less than the client's own.
      requestTimeout: timeout + Math.min(NETWORK_MS, timeoutMs),
    }))
    const nowMs = this.#options.now()
    const lanes = going.map(([{ topic, partition }, batch]) => ({ topic, partition, batch }))
    const topicData = byTopic(lanes, ({ partition, batch: { firstSequence, sendings } }) => ({
      ...{ partition, firstSequence, messages: sendings.map(({ record }) => wireMessage(record, nowMs)) },
    }))
    const { topics } = await broker.produce({ acks: -1, timeout, producerId, producerEpoch, topicData })
    const byName = new Map(going.map(([lane]) => [partitionName(lane), lane]))
    for (const { topicName, partitions } of topics)
      for (const { partition, errorCode, baseOffset } of partitions) {
        const lane = byName.get(partitionName({ topic: topicName, partition }))
        if (lane !== undefined) this.#answered(lane, errorCode, Number(baseOffset))
      }
  }

  #answered(lane: ProducerLane, code: number, baseOffset: number): void {
    if (code === CODES.NONE) return lane.stored(baseOffset)
    const error = new KafkaCodeError(code, `writing to ${partitionName(lane)}`)
    if (NEW_IDENTITY.has(code)) lane.forgetIdentity()
    else if (code === CODES.DUPLICATE_SEQUENCE_NUMBER) return lane.giveUp(toLogError(error, 'a send'))
    else if (!isTransient(code) && code !== CODES.UNKNOWN_TOPIC_OR_PARTITION)
      return lane.refused(toLogError(error, 'a send'))
    this.#again(lane, error)
    if (!NEW_IDENTITY.has(code)) this.#refresh()
  }

  #again(lane: ProducerLane, error: unknown): void {
    lane.failures++
    lane.lastError = error
    lane.notBeforeMs = this.#options.clock.now() + backoffMs(lane.failures, BACKOFF)
  }

  #tooLate(lane: ProducerLane): EventLogError {
    const what = `expected ${partitionName(lane)} to take records within ${this.#options.timeoutMs} ms`
    const { lastError } = lane
    const why = lastError instanceof Error ? lastError.message : 'it has no leader'
    return new EventLogError('unavailable', `${what}: ${why}`, { cause: lastError })
  }

  /** All lanes have one identity until they need one of their own. */
  async #identify(lanes: readonly ProducerLane[]): Promise<void> {
    for (const lane of lanes) {
      if (!lane.needsIdentity) continue
      this.#identity ??= this.#newIdentity()
      const shared = this.#identity
      shared.catch(() => (this.#identity = undefined))
      lane.identify(lane.hadIdentity ? await this.#newIdentity() : await shared)
    }
  }

  async #newIdentity(): Promise<Identity> {
    const broker = await this.#options.client.controller()
    const { producerId, producerEpoch } = await broker.initProducerId({ transactionTimeout: TRANSACTION_TIMEOUT_MS })
    return { producerId, producerEpoch }
  }

  /** Who leads the partitions with something to write; a topic that is gone has nothing stored. */
  #refresh(): void {
    this.#refreshing ??= this.#findLeaders()
      .catch(() => undefined)
      .finally(() => {
        this.#refreshing = undefined
        this.#schedule()
      })
  }

  async #findLeaders(): Promise<void> {
    const lanes = this.#open
    const wanted = new Set(lanes.map(({ topic }) => topic))
    try {
      const view = await this.#options.client.topics([...wanted])
      this.#leaders = new Map([...this.#leaders, ...view])
      for (const lane of lanes) {
        const isThere = view.get(lane.topic)?.some(({ partition }) => partition === lane.partition)
        if (isThere === true || lane.isOnItsWay || lane.isEmpty) continue
        this.#leaders = new Map([...this.#leaders].filter(([topic]) => topic !== lane.topic))
        lane.giveUp(new EventLogError('unknown-topic', `expected ${partitionName(lane)} to exist, it does not`))
      }
      for (const lane of lanes) if (this.#leaderOf(lane) === undefined) this.#again(lane, undefined)
    } catch (error) {
      await this.#options.client.refresh().catch(() => undefined)
      for (const lane of lanes) if (!lane.isOnItsWay) this.#again(lane, error)
    }
  }
}

/** What fits into one request. */
function pack(lanes: readonly ProducerLane[]): Going[] {
  const going: Going[] = []
  let bytes = 0
  for (const lane of lanes) {
    if (bytes >= MAX_REQUEST_BYTES) break
    const batch = lane.next()
    if (batch === undefined) continue
    going.push([lane, batch])
    bytes += batch.sendings.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  }
  return going
}
