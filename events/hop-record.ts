/** The records that a failed record becomes: the same key and value, its headers and ours. Pure. */
import type { Failure } from './delivery.ts'
import type { Header, LogRecord, NewRecord } from './event-log.ts'
import { DLQ_PREFIX, cutText, hopHeaders, type RecordMeta } from './record-headers.ts'
import type { Subscription } from './subscription.ts'
import { deadLetterTopic, retryTopic } from './topic-names.ts'

/** For the next attempt, due at `meta.dueMs`. */
export function retryRecord(
  subscription: Subscription,
  record: LogRecord,
  meta: RecordMeta & { delayMs: number },
): NewRecord {
  const headers = hopHeaders(record.headers, meta, subscription.key)
  return { topic: retryTopic(subscription, meta.delayMs), key: record.key, value: record.value, headers }
}

export interface DeadLetter {
  subscription: Subscription
  record: LogRecord
  meta: RecordMeta
  failure: Failure
  /** That read it where it stood last. */
  group: string
}

/** Why nobody can be given it. */
export function undecodableFailure({ undecodable }: LogRecord): Failure | undefined {
  if (undecodable === undefined) return undefined
  const { firstOffset, lastOffset, reason } = undecodable
  return {
    class: 'decode',
    message: `the batch of offsets ${firstOffset} to ${lastOffset} cannot be decoded: ${reason}`,
  }
}

/** Several when it stands for a batch that is too large for one: parts of its bytes, numbered. */
export function deadLetterRecords(letter: DeadLetter): NewRecord[] {
  const { record, meta } = letter
  const { undecodable, value } = record
  if (undecodable === undefined || value === null) return [deadLetterRecord(letter)]
  const { firstOffset, lastOffset } = undecodable
  const parts = Math.max(1, Math.ceil(value.length / PART_BYTES))
  return Array.from({ length: parts }, (_, index) =>
    deadLetterRecord({
      ...letter,
      record: { ...record, value: value.subarray(index * PART_BYTES, (index + 1) * PART_BYTES) },
      meta: { ...meta, batch: { firstOffset, lastOffset, part: index + 1, parts } },
    }),
  )
}

function deadLetterRecord({ subscription, record, meta, failure, group }: DeadLetter): NewRecord {
  const { dueMs, ...kept } = meta
  const headers = hopHeaders(record.headers, { ...kept, failure }, subscription.key)
  const put = (name: string, value: string | number) => headers.push(header(`${DLQ_PREFIX}${name}`, value))
  put('topic', record.topic)
  put('partition', record.partition)
  put('offset', record.offset)
  put('group', group)
  put('delivery.count', meta.attempt)
  put('message', cutText(failure.message))
  return { topic: deadLetterTopic(subscription), key: record.key, value: record.value, headers }
}

/** With its headers it fits into what brokers take by default. */
const PART_BYTES = 960 * 1024

const header = (name: string, value: string | number): Header => [name, Buffer.from(String(value))]
