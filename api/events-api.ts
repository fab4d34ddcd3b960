/** What the management listener says about events, to operators and the command line. Times are ISO 8601 unless named `…Ms`. */
import type { FeedSubscription } from './protocol.ts'

/** Whether what keeps the events answers now. */
export type EventLogInfo = { reachable: true } | { reachable: false; message: string }

export interface TopicInfo {
  topic: string
  partitions: number
  retentionMs: number
  records: number
}

/** Text where it is text, else base64. */
export type Payload = { text: string } | { base64: string } | null

export interface EventRecord {
  topic: string
  partition: number
  offset: number
  timestamp: string
  key: Payload
  value: Payload
  headers: { name: string; value: string }[]
  /** Why the value is no record's but the bytes of a batch. */
  undecodable?: string
}

export interface DeadLetterInfo extends EventRecord {
  /** Names it in `show` and `redrive`. */
  id: string
  deliveryId: string
  class: string
  status?: number
  message: string
  attempts: number
  firstFailedAt?: string
  origin: { topic: string; partition: number; offset: number; timestamp: string }
  redriveCount: number
  /** It is no record but the bytes of a batch that cannot be decoded, or of a part of it. */
  batch?: { firstOffset: number; lastOffset: number; part: number; parts: number }
}

export interface DeadLetterFilter {
  id?: string
  class?: string
  /** Dead-lettered since, until. */
  since?: string
  until?: string
  key?: string
  /** `topic`, `topic/partition` or `topic/partition/offset`. */
  origin?: string
}

export interface RedriveRequest {
  filter?: DeadLetterFilter
  /** Default: as fast as it goes. */
  ratePerSecond?: number
  dryRun?: boolean
  /** Also those that were replayed or purged before. */
  again?: boolean
}

export interface RedriveResult {
  /** Dead letters that fit the filter. */
  matched: number
  /** Put back into the way to their function; of a purge: given up. */
  moved: number
  /** Those that were not, and why: replayed too often. */
  refused: { id: string; reason: string }[]
}

export interface InvocationInfo {
  id: string
  function: string
  status: 'queued' | 'running' | 'retrying' | 'succeeded' | 'failed'
  acceptedAt: string
  attempts: number
  nextAttemptAt?: string
  finishedAt?: string
  result?: { status: number; contentType: string; body: Payload | { json: unknown }; truncated: boolean }
  failure?: { class: string; status?: number; message: string }
  destinationFailure?: string
}

export interface PartitionInfo {
  topic: string
  partition: number
  /** Everything before it is done. */
  position: number
  end: number
  /** Not done. In a retry tier also what is not due yet. */
  lag: number
  buffered: number
  running: number
  /** In a retry tier: buffered and waiting for its time. */
  notDue: number
  /** Records that failed and are tried again where they are (ordering key and partition). */
  waitingInPlace: number
  /** Records that stop their key or partition (onExhausted: block). */
  blocked: number
  /** Its buffer is full: no more is read until half of it is done. */
  isPaused: boolean
  /** Since its oldest open record was written, in a retry tier since it was due. */
  oldestDueAgeMs?: number
}

/** How a Trigger, or the asynchronous invocations of a Function, stand. Counts are since this process began with it. */
export interface SubscriptionInfo {
  /** `namespace/name`. */
  key: string
  sources: PartitionInfo[]
  /** Retry tiers. */
  tiers: PartitionInfo[]
  lag: number
  /** Due and not running, as far as is known. */
  due: number
  /** Of the oldest record due and not done; one that waits for its retry in place counts, as it holds up others. */
  oldestDueAgeMs?: number
  running: number
  waitingForRetry: number
  done: number
  filtered: number
  held: number
  duplicatesSkipped: number
  publishFailures: number
  /** Attempts, by class of error. */
  failed: Record<string, number>
  rejected: Record<string, number>
  /** By delay in milliseconds. */
  retriedAfterMs: Record<string, number>
  /** By class of error. */
  deadLetters: Record<string, number>
  recentErrors: { atMs: number; deliveryId: string; attempt: number; class: string; message: string }[]
  circuit: 'closed' | 'open'
  circuitOpened: number
  /** Why nothing starts. */
  holding?: string
  meanCallMs?: number
  /** Of offsets in the sources; asynchronous invocations of all Functions have them in common. */
  commits: { done: number; failed: number; meanMs?: number; lastMs?: number }
  /** What its consumers met of the log and went on after. */
  logErrors: { count: number; last?: { atMs: number; message: string } }
}

export interface TriggerInfo extends SubscriptionInfo {
  subscription: FeedSubscription
}

/** Where a published record is. */
export interface RecordPosition {
  topic: string
  partition: number
  offset: number
}
