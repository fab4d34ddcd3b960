/** The records that a failed record becomes: the same key and value, its headers and ours. Pure. */
import { EVENT_HEADER } from '../api/names.ts'
import type { Failure } from './delivery.ts'
import type { Header, LogRecord, NewRecord } from './event-log.ts'
import { DLQ_PREFIX, cutText, hopHeaders, type LetterPart, type RecordMeta } from './record-headers.ts'
import type { Subscription } from './subscription.ts'
import { deadLetterTopic, retryTopic } from './topic-names.ts'

/** For the next attempt, due at `meta.dueMs`. */
export function retryRecord(
  subscription: Subscription,
  record: LogRecord,
  meta: RecordMeta & { delayMs: number },
): NewRecord {
  const headers = hopHeaders(record.headers, meta, subscription.key)
  if (subscription.kind === 'trigger') headers.push(header(EVENT_HEADER.triggerUid, subscription.uid))
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

/** Several when it stands for a batch that is too large for one. */
export function deadLetterRecords(letter: DeadLetter): NewRecord[] {
  const { undecodable } = letter.record
  return undecodable === undefined ? [deadLetterRecord(letter)] : partsOf(letter, undecodable)
}

/** For a log that does not take it as one. */
function deadLetterParts(letter: DeadLetter, mostBytes: number): NewRecord[] {
  const { record, meta } = letter
  const { offset } = meta.origin
  const of = record.undecodable ?? { firstOffset: offset, lastOffset: offset }
  if (mostBytes - sizeBeside(record) >= LEAST_PART_BYTES) return partsOf(letter, { ...of, mostBytes })
  return partsOf({ ...letter, record: asJson(record) }, { ...of, mostBytes, content: 'record+json' })
}

/** Of one whose key and headers leave no room for a part of its value: all of it is the value. */
function asJson(record: LogRecord): LogRecord {
  const text = (bytes: Buffer | null) => bytes?.toString('base64') ?? null
  const headers = record.headers.map(([name, value]) => [name, text(value)])
  const value = Buffer.from(JSON.stringify({ key: text(record.key), value: text(record.value), headers }))
  return { ...record, key: null, value, headers: [] }
}

interface PartSize {
  mostBytes?: number
}

/** Pieces of its value, numbered, each with its key and headers. */
function partsOf(letter: DeadLetter, of: Pick<LetterPart, 'firstOffset' | 'lastOffset' | 'content'> & PartSize) {
  const { record, meta } = letter
  const { firstOffset, lastOffset, content, mostBytes = PART_BYTES } = of
  const { value } = record
  if (value === null) return [deadLetterRecord(letter)]
  const partBytes = mostBytes - sizeBeside(record)
  const parts = Math.max(1, Math.ceil(value.length / partBytes))
  return Array.from({ length: parts }, (_, index) =>
    deadLetterRecord({
      ...letter,
      record: { ...record, value: value.subarray(index * partBytes, (index + 1) * partBytes) },
      meta: { ...meta, batch: { firstOffset, lastOffset, part: index + 1, parts, ...(content && { content }) } },
    }),
  )
}

function sizeBeside({ key, headers }: LogRecord): number {
  return headers.reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + value.length, key?.length ?? 0)
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
/** Of one with large headers: a record must not become a thousand. */
const LEAST_PART_BYTES = 15 * 1024

/** Its topic may take less than ours do, as operators set it. */
const PART_SIZES = [PART_BYTES]
for (let bytes = PART_BYTES / 2; bytes >= LEAST_PART_BYTES; bytes /= 2) PART_SIZES.push(bytes)

/** What it may be stored as, in the order to be tried: as one, then in ever smaller parts. What fits in none has to wait. */
export const LETTER_FORMS: readonly ((letter: DeadLetter) => NewRecord[])[] = [
  deadLetterRecords,
  ...PART_SIZES.map((mostBytes) => (letter: DeadLetter) => deadLetterParts(letter, mostBytes)),
]

const header = (name: string, value: string | number): Header => [name, Buffer.from(String(value))]
