/**
 * Writes records and the commit that says their source is done in one transaction, for one partition that we read. Its transactional id is the
 * partition's: whoever is given the partition asks for an identity under it before anything else, which ends what others had open there and
 * keeps them from ending it otherwise. One transaction at a time; one that fails is aborted, by asking for the identity anew.
 */
import type { Clock } from '../../lib/clock.ts'
import { EventLogError, partitionName, type CommittedOffset, type NewRecord, type PartitionId } from '../event-log.ts'
import { attempt } from './attempts.ts'
import { CODES, isTransient, kafkaCode, KafkaCodeError, throwCode, toLogError } from './error-codes.ts'
import type { KafkaClient } from './kafka-client.ts'
import { byTopic } from './list-offsets.ts'
import type { Generation, Membership } from './membership.ts'
import type { Identity } from './producer-lane.ts'
import { sizeOfRecord, wireMessage } from './wire-message.ts'
import { withCodes, withResponses, type Broker } from './wire.ts'

export interface TransactionsOptions {
  client: KafkaClient
  clock: Clock
  /** Epoch milliseconds. */
  now: () => number
  timeoutMs: number
  /** Where records go. */
  place: (records: readonly NewRecord[]) => Promise<number[]>
}

export interface ProducerOptions extends TransactionsOptions {
  membership: Membership
  generation: Generation
  /** The partition that is read. */
  id: PartitionId
  /** It is not ours any more: its next reader must not be disturbed. */
  isOver: () => boolean
}

interface Placed extends PartitionId {
  record: NewRecord
}

/** Of the broker's patience with an open transaction, in times of ours: a hand-over has ended long before. */
const PATIENCE = 3
/** While the markers of the last transaction are being written. */
const SOON_MS = 5
/** For replicas to confirm, at most. */
const ACK_TIMEOUT_MS = 10_000
const MAX_BATCH_BYTES = 1_000_000
const TOO_MUCH = new Set<number>([CODES.MESSAGE_TOO_LARGE, CODES.RECORD_LIST_TOO_LARGE])
/** Somebody else has begun under our id, or the broker has given up waiting for us: in either case others decide what became of it. */
const LOST = new Set<number>([
  ...[CODES.INVALID_PRODUCER_EPOCH, CODES.PRODUCER_FENCED, CODES.INVALID_PRODUCER_ID_MAPPING, CODES.INVALID_TXN_STATE],
  ...[CODES.TRANSACTION_COORDINATOR_FENCED, CODES.ILLEGAL_GENERATION, CODES.UNKNOWN_MEMBER_ID],
])

export class TransactionalProducer {
  readonly #options: ProducerOptions
  readonly #id: string
  #identity: Identity | undefined
  /** By partition written to. */
  readonly #sequences = new Map<string, number>()
  #coordinator: Promise<Broker> | undefined

  constructor(options: ProducerOptions) {
    this.#options = options
    this.#id = `${options.membership.group}/${partitionName(options.id)}`
  }

  /** Ends what is open under our id, whoever began it. Throws EventLogError. */
  async begin(): Promise<void> {
    this.#identity = undefined
    const transactionTimeout = PATIENCE * this.#options.timeoutMs
    const answer = await this.#attempt('asking for the transactional id', async (broker) => {
      const found = await withCodes(broker).initProducerId({ transactionalId: this.#id, transactionTimeout })
      throwCode(found.errorCode, `asking for the transactional id ${this.#id}`)
      return found
    }).catch((error: unknown) => {
      throw explained(error)
    })
    this.#sequences.clear()
    this.#identity = { producerId: answer.producerId, producerEpoch: answer.producerEpoch }
  }

  /** Throws EventLogError: `not-assigned` when others decide what became of it; nothing is stored with any other. */
  async handOver(records: readonly NewRecord[], commit: CommittedOffset): Promise<void> {
    if (this.#identity === undefined) await this.begin()
    try {
      await this.#write(records, commit)
    } catch (error) {
      throw await this.#undone(error)
    }
    // It is decided here; the answer may be lost.
    await this.#attempt('ending a transaction', async (broker) => {
      const { errorCode } = await withCodes(broker).endTxn({ ...this.#named(), transactionResult: true })
      throwCode(errorCode, `ending a transaction of ${this.#id}`)
    }).catch((error: unknown) => {
      throw this.#lost(error)
    })
  }

  async #write(records: readonly NewRecord[], commit: CommittedOffset): Promise<void> {
    const { membership, generation, place } = this.#options
    const places = await place(records)
    const placed = records.map((record, index) => ({ record, topic: record.topic, partition: places[index] ?? 0 }))
    await this.#enlist(placed)
    // None is asked twice: what comes late must not be taken for part of another transaction.
    const writing = [this.#produce(placed), membership.commitInTransaction(generation, this.#named(), [commit])]
    const failed = (await Promise.allSettled(writing)).find((each) => each.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  /** The coordinator knows what to end. */
  async #enlist(placed: readonly Placed[]): Promise<void> {
    const { membership } = this.#options
    const targets = byTopic(
      [...new Map(placed.map((each) => [partitionName(each), each])).values()],
      (each) => each.partition,
    )
    await this.#attempt('beginning a transaction', async (broker) => {
      const { errors } = await withCodes(broker).addPartitionsToTxn({ ...this.#named(), topics: targets })
      const codes = errors.flatMap(({ topic, partitionErrors }) => partitionErrors.map((each) => ({ topic, ...each })))
      // Where one is at fault the others are only not attempted.
      const worst = codes.find(
        ({ errorCode }) => errorCode !== CODES.NONE && errorCode !== CODES.OPERATION_NOT_ATTEMPTED,
      )
      if (worst !== undefined) throwCode(worst.errorCode, `beginning a transaction to ${partitionName(worst)}`)
    })
    await this.#attempt('beginning a transaction', async (broker) => {
      const { errorCode } = await withCodes(broker).addOffsetsToTxn({ ...this.#named(), groupId: membership.group })
      throwCode(errorCode, `beginning a transaction with commits of ${membership.group}`)
    })
  }

  async #produce(placed: readonly Placed[]): Promise<void> {
    const view = await this.#options.client.topics(placed.map(({ topic }) => topic))
    const leaderOf = ({ topic, partition }: PartitionId) =>
      view.get(topic)?.find((each) => each.partition === partition)?.leader
    const targets = [...Map.groupBy(placed, partitionName).values()]
    const sent = await Promise.allSettled(targets.map((own) => this.#append(own[0] && leaderOf(own[0]), own)))
    const failed = sent.find((each) => each.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  /** To one partition, in as many batches as it takes. */
  async #append(leader: number | undefined, records: readonly Placed[]): Promise<void> {
    const [first] = records
    if (first === undefined) return
    if (leader === undefined) throw new KafkaCodeError(CODES.LEADER_NOT_AVAILABLE, `writing to ${partitionName(first)}`)
    for (let left = records; left.length > 0;) {
      let batch = left.slice(0, countWithin(left))
      // Topics may take less; what was refused has not taken its numbers.
      while (!(await this.#isTaken(leader, batch))) batch = batch.slice(0, Math.ceil(batch.length / 2))
      left = left.slice(batch.length)
    }
  }

  /** False: several are too much at once. */
  async #isTaken(leader: number, batch: readonly Placed[]): Promise<boolean> {
    const { client, timeoutMs, now } = this.#options
    const { topic = '', partition = 0 } = batch[0] ?? {}
    const name = partitionName({ topic, partition })
    const broker = withResponses(await client.broker(leader), ({ request, response }) => ({
      request,
      response: { ...response, parse: async (data) => data },
      requestTimeout: timeoutMs,
    }))
    const nowMs = now()
    const firstSequence = this.#sequences.get(name) ?? 0
    const messages = batch.map(({ record }) => wireMessage(record, nowMs))
    const topicData = [{ topic, partitions: [{ partition, firstSequence, messages }] }]
    const timeout = Math.min(ACK_TIMEOUT_MS, timeoutMs)
    const { topics } = await broker.produce({ acks: -1, timeout, ...this.#named(), topicData })
    const code = topics[0]?.partitions[0]?.errorCode ?? CODES.NONE
    if (TOO_MUCH.has(code) && batch.length > 1) return false
    throwCode(code, `writing to ${name}`)
    this.#sequences.set(name, firstSequence + batch.length)
    return true
  }

  /** What was written of it nobody will see. Where that cannot be said now, it is before the next begins. */
  async #undone(error: unknown): Promise<EventLogError> {
    if (LOST.has(kafkaCode(error) ?? 0) || this.#options.isOver()) return this.#lost(error)
    this.#coordinator = undefined
    await this.begin().catch(() => undefined)
    return toLogError(error, 'handing records over')
  }

  #lost(error: unknown): EventLogError {
    this.#identity = undefined
    const what = `expected ${partitionName(this.#options.id)} to be ours until its records were handed over`
    return new EventLogError('not-assigned', `${what}: ${(error as Error).message}`, { cause: error })
  }

  #named() {
    if (this.#identity === undefined) throw new Error('expected an identity')
    return { transactionalId: this.#id, ...this.#identity }
  }

  #attempt<T>(what: string, action: (coordinator: Broker) => Promise<T>): Promise<T> {
    const { client, clock, timeoutMs } = this.#options
    const ask = async () => {
      this.#coordinator ??= client.coordinator(this.#id, 'transaction')
      const finding = this.#coordinator
      try {
        return await action(await finding)
      } catch (error) {
        const code = kafkaCode(error)
        // It may be elsewhere by now.
        if (code !== CODES.CONCURRENT_TRANSACTIONS && (code === undefined || isTransient(code)))
          this.#coordinator = undefined
        throw error
      }
    }
    return attempt(`${what} ${this.#id}`, ask, {
      ...{ clock, timeoutMs, firstMs: SOON_MS },
      beforeRetry: async () => {
        if (this.#coordinator === undefined) await client.refresh()
      },
    })
  }
}

/** As many as one batch takes, one at least. */
function countWithin(records: readonly Placed[]): number {
  let bytes = 0
  const over = records.findIndex(({ record }) => (bytes += sizeOfRecord(record)) > MAX_BATCH_BYTES)
  return over < 0 ? records.length : Math.max(1, over)
}

const WHY: Readonly<Record<number, string>> = {
  [CODES.COORDINATOR_NOT_AVAILABLE]:
    'transaction.state.log.replication.factor and transaction.state.log.min.isr of the brokers must not be more than brokers that are up',
  [CODES.TRANSACTIONAL_ID_AUTHORIZATION_FAILED]:
    'handing records over needs Write and Describe on transactional ids that begin with "dormouse."',
  [CODES.INVALID_TRANSACTION_TIMEOUT]: 'transaction.max.timeout.ms of the brokers must be 30 s or more',
}

/** Without a cause: it is to be told at once, as it does not pass by itself. Records stay where they are meanwhile. */
function explained(error: unknown): unknown {
  const why = WHY[kafkaCode(error) ?? CODES.NONE]
  if (!(error instanceof EventLogError) || why === undefined) return error
  return new EventLogError(error.code, `${error.message}; ${why}`)
}
