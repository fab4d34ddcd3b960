/** What the management listener says about events, to operators and the command line. Times are ISO 8601 unless named `…Ms`. */

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
