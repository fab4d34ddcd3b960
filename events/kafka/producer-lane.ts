/**
 * What waits to be written to one partition, and what is on its way there: one batch at a time, which keeps its sequence number while it is
 * tried again, so that the broker stores it once. Order is kept. A batch whose fate is unknown when it is given up ends the lane's
 * identity: under the same number the broker would take the next batch for the one it may have, and store nothing.
 */
import { isTooLarge, type NewRecord } from '../event-log.ts'
import { sizeOfRecord } from './wire-message.ts'

export interface Sending {
  record: NewRecord
  sizeBytes: number
  /** Then it is given up. */
  untilMs: number
  resolve(offset: number): void
  reject(error: unknown): void
}

export interface Identity {
  producerId: string
  producerEpoch: number
}

export interface Batch {
  identity: Identity
  firstSequence: number
  sendings: readonly Sending[]
}

/** What the broker takes at once; a record larger than that goes alone and is refused there. */
const MAX_BATCH_BYTES = 1_000_000
const MAX_BATCH_RECORDS = 2_000
const MAX_SEQUENCE = 2 ** 31 - 1
/** Topics may take less, and may be told to take more later: after so many batches that were stored a larger one is tried. */
const STORED_BEFORE_MORE = 64

export class ProducerLane {
  readonly topic: string
  readonly partition: number
  #waiting: Sending[] = []
  #batch: Batch | undefined
  #identity: Identity | undefined
  #hadIdentity = false
  #sequence = 0
  /** Of those that wait, so many go one by one: they were refused together, and who of them is at fault is not known. */
  #alone = 0
  /** What the topic takes at once, as far as it was found out. */
  #mostBytes = MAX_BATCH_BYTES
  #storedSince = 0
  isOnItsWay = false
  /** Not tried before. */
  notBeforeMs = 0
  failures = 0
  lastError: unknown

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  get isEmpty(): boolean {
    return this.#batch === undefined && this.#waiting.length === 0
  }

  /** One whose numbers are no use any more. */
  get hadIdentity(): boolean {
    return this.#hadIdentity
  }

  get needsIdentity(): boolean {
    return this.#identity === undefined && !this.isEmpty
  }

  /** Of the oldest. */
  get untilMs(): number {
    return (this.#batch?.sendings ?? this.#waiting)[0]?.untilMs ?? Infinity
  }

  push(record: NewRecord, how: Pick<Sending, 'untilMs' | 'resolve' | 'reject'>): void {
    this.#waiting.push({ record, sizeBytes: sizeOfRecord(record), ...how })
  }

  identify(identity: Identity): void {
    this.#identity = identity
    this.#hadIdentity = true
    this.#sequence = 0
    if (this.#batch !== undefined) this.#batch = { ...this.#batch, identity, firstSequence: 0 }
  }

  /** The same again until it is settled. */
  next(): Batch | undefined {
    if (this.#identity === undefined || this.isEmpty) return undefined
    this.#batch ??= { identity: this.#identity, firstSequence: this.#sequence, sendings: this.#take() }
    return this.#batch
  }

  /** They are stored, the first at `baseOffset`. */
  stored(baseOffset: number): void {
    const batch = this.#settle()
    this.#sequence = (batch.firstSequence + batch.sendings.length) % (MAX_SEQUENCE + 1)
    batch.sendings.forEach((sending, index) => sending.resolve(baseOffset + index))
    if (this.#mostBytes === MAX_BATCH_BYTES || ++this.#storedSince < STORED_BEFORE_MORE) return
    this.#mostBytes = Math.min(MAX_BATCH_BYTES, 2 * this.#mostBytes)
    this.#storedSince = 0
  }

  /** Nothing of the batch is stored: its number is free. Several are tried in smaller batches, or one by one, so that only who is at fault fails. */
  refused(error: unknown): void {
    const { sendings } = this.#settle()
    if (sendings.length === 1) return sendings[0]?.reject(error)
    if (isTooLarge(error)) {
      this.#mostBytes = Math.ceil(sizeOf(sendings) / 2)
      this.#storedSince = 0
    } else this.#alone = sendings.length
    this.#waiting = [...sendings, ...this.#waiting]
  }

  /** The broker knows nothing of our numbers: the batch is sent under another identity. */
  forgetIdentity(): void {
    this.#identity = undefined
  }

  /** Too late for the batch: it may be stored or not. */
  giveUp(error: unknown): void {
    const sendings = this.#batch?.sendings ?? this.#waiting.splice(0)
    if (this.#batch === undefined) this.#alone = 0
    if (this.#batch !== undefined) this.forgetIdentity()
    this.#batch = undefined
    this.failures = 0
    for (const sending of sendings) sending.reject(error)
  }

  #settle(): Batch {
    const batch = this.#batch
    if (batch === undefined) throw new Error('expected a batch on its way')
    this.#batch = undefined
    this.failures = 0
    this.notBeforeMs = 0
    return batch
  }

  #take(): Sending[] {
    const mostRecords = this.#alone > 0 ? 1 : MAX_BATCH_RECORDS
    let bytes = 0
    let count = 0
    for (const { sizeBytes } of this.#waiting) {
      bytes += sizeBytes
      if (count > 0 && (bytes > this.#mostBytes || count >= mostRecords)) break
      count++
    }
    this.#alone = Math.max(0, this.#alone - count)
    return this.#waiting.splice(0, count)
  }
}

const sizeOf = (sendings: readonly Sending[]): number => sendings.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
