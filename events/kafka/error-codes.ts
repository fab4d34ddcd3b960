/** Kafka's error codes that we act on, and how they and kafkajs's errors are said in words of the port. Pure. */
import { EventLogError, type EventLogErrorCode } from '../event-log.ts'
import { errorText } from '../../lib/error-text.ts'

export const CODES = {
  NONE: 0,
  OFFSET_OUT_OF_RANGE: 1,
  CORRUPT_MESSAGE: 2,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  LEADER_NOT_AVAILABLE: 5,
  NOT_LEADER_FOR_PARTITION: 6,
  REQUEST_TIMED_OUT: 7,
  BROKER_NOT_AVAILABLE: 8,
  REPLICA_NOT_AVAILABLE: 9,
  MESSAGE_TOO_LARGE: 10,
  OFFSET_METADATA_TOO_LARGE: 12,
  NETWORK_EXCEPTION: 13,
  COORDINATOR_LOAD_IN_PROGRESS: 14,
  COORDINATOR_NOT_AVAILABLE: 15,
  NOT_COORDINATOR: 16,
  INVALID_TOPIC: 17,
  RECORD_LIST_TOO_LARGE: 18,
  NOT_ENOUGH_REPLICAS: 19,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 20,
  ILLEGAL_GENERATION: 22,
  INCONSISTENT_GROUP_PROTOCOL: 23,
  UNKNOWN_MEMBER_ID: 25,
  INVALID_SESSION_TIMEOUT: 26,
  REBALANCE_IN_PROGRESS: 27,
  TOPIC_AUTHORIZATION_FAILED: 29,
  GROUP_AUTHORIZATION_FAILED: 30,
  CLUSTER_AUTHORIZATION_FAILED: 31,
  INVALID_TIMESTAMP: 32,
  UNSUPPORTED_VERSION: 35,
  TOPIC_ALREADY_EXISTS: 36,
  INVALID_REPLICATION_FACTOR: 38,
  NOT_CONTROLLER: 41,
  POLICY_VIOLATION: 44,
  OUT_OF_ORDER_SEQUENCE_NUMBER: 45,
  DUPLICATE_SEQUENCE_NUMBER: 46,
  INVALID_PRODUCER_EPOCH: 47,
  INVALID_TXN_STATE: 48,
  INVALID_PRODUCER_ID_MAPPING: 49,
  INVALID_TRANSACTION_TIMEOUT: 50,
  CONCURRENT_TRANSACTIONS: 51,
  TRANSACTION_COORDINATOR_FENCED: 52,
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 53,
  OPERATION_NOT_ATTEMPTED: 55,
  KAFKA_STORAGE_ERROR: 56,
  UNKNOWN_PRODUCER_ID: 59,
  FENCED_LEADER_EPOCH: 74,
  UNKNOWN_LEADER_EPOCH: 75,
  OFFSET_NOT_AVAILABLE: 78,
  MEMBER_ID_REQUIRED: 79,
  GROUP_MAX_SIZE_REACHED: 81,
  INVALID_RECORD: 87,
  UNSTABLE_OFFSET_COMMIT: 88,
  THROTTLING_QUOTA_EXCEEDED: 89,
  PRODUCER_FENCED: 90,
} as const

const NAMES = new Map<number, string>(Object.entries(CODES).map(([name, code]) => [code, name]))
export const codeName = (code: number): string => NAMES.get(code) ?? `error ${code}`

/** What whoever reads of them is to look for. */
const HINTS: Readonly<Record<number, string>> = {
  [CODES.INCONSISTENT_GROUP_PROTOCOL]: 'a client other than a dispatcher is in this group, and must leave it first',
  [CODES.UNSUPPORTED_VERSION]: 'handing records over in transactions needs Kafka 2.5 or later',
  [CODES.INVALID_TIMESTAMP]: 'the clock here and the broker’s are too far apart, or the topic takes no such times',
}

/** The same request may succeed later, or elsewhere. */
const TRANSIENT = new Set<number>([
  ...[CODES.CORRUPT_MESSAGE, CODES.LEADER_NOT_AVAILABLE, CODES.NOT_LEADER_FOR_PARTITION, CODES.REQUEST_TIMED_OUT],
  ...[CODES.BROKER_NOT_AVAILABLE, CODES.REPLICA_NOT_AVAILABLE, CODES.NETWORK_EXCEPTION, CODES.NOT_CONTROLLER],
  ...[CODES.COORDINATOR_LOAD_IN_PROGRESS, CODES.COORDINATOR_NOT_AVAILABLE, CODES.NOT_COORDINATOR],
  ...[CODES.NOT_ENOUGH_REPLICAS, CODES.NOT_ENOUGH_REPLICAS_AFTER_APPEND, CODES.KAFKA_STORAGE_ERROR],
  ...[CODES.FENCED_LEADER_EPOCH, CODES.UNKNOWN_LEADER_EPOCH, CODES.OFFSET_NOT_AVAILABLE],
  ...[CODES.THROTTLING_QUOTA_EXCEEDED, CODES.CONCURRENT_TRANSACTIONS, CODES.UNSTABLE_OFFSET_COMMIT],
])
export const isTransient = (code: number): boolean => TRANSIENT.has(code)

const MEANS: Readonly<Record<number, EventLogErrorCode>> = {
  [CODES.UNKNOWN_TOPIC_OR_PARTITION]: 'unknown-topic',
  [CODES.INVALID_TOPIC]: 'invalid-topic',
  [CODES.MESSAGE_TOO_LARGE]: 'too-large',
  [CODES.RECORD_LIST_TOO_LARGE]: 'too-large',
  [CODES.OFFSET_METADATA_TOO_LARGE]: 'too-large',
  [CODES.INVALID_RECORD]: 'invalid-record',
  [CODES.ILLEGAL_GENERATION]: 'not-assigned',
  [CODES.UNKNOWN_MEMBER_ID]: 'not-assigned',
}

/** The broker answered that a part of the request failed. */
export class KafkaCodeError extends Error {
  override readonly name = 'KafkaCodeError'
  readonly code: number

  constructor(code: number, what: string) {
    const hint = HINTS[code]
    super(`${what}: the broker answered ${codeName(code)}${hint === undefined ? '' : ` (${hint})`}`)
    this.code = code
  }
}

/** Whether it exists is not told either. */
export const deniedError = (topic: string): KafkaCodeError =>
  new KafkaCodeError(CODES.TOPIC_AUTHORIZATION_FAILED, `looking for ${topic}`)

export function throwCode(code: number, what: string): void {
  if (code !== CODES.NONE) throw new KafkaCodeError(code, what)
}

/** Kafka's code of an error of ours or of kafkajs; undefined: none, the broker could not be asked. */
export function kafkaCode(error: unknown): number | undefined {
  if (error instanceof KafkaCodeError) return error.code
  if (!(error instanceof Error)) return undefined
  if ('type' in error && 'code' in error && typeof error.code === 'number') return error.code
  return error.cause === undefined ? undefined : kafkaCode(error.cause)
}

/** In words of the port. What the broker did not refuse for good counts as unavailable. */
export function toLogError(error: unknown, what: string): EventLogError {
  if (error instanceof EventLogError) return error
  const code = kafkaCode(error)
  const message = errorText(error)
  const means = (code === undefined ? undefined : MEANS[code]) ?? 'unavailable'
  return new EventLogError(means, `${what} failed: ${message}`, { cause: error })
}

/** Asking again may help. */
export function mayRetry(error: unknown): boolean {
  if (error instanceof EventLogError) return false
  const code = kafkaCode(error)
  if (code !== undefined) return isTransient(code)
  // Refused credentials are refused again.
  return !(error instanceof Error && error.name === 'KafkaJSSASLAuthenticationError')
}
