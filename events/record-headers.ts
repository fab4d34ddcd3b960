/**
 * What Dormouse writes into the headers of retried and dead-lettered records, and reads from them. The user's own headers pass byte for
 * byte, in order; ours stand behind them and are written anew on every hop, those marked * in EVENT_HEADER with their first value.
 */
import { EVENT_HEADER } from '../api/names.ts'
import type { ErrorClass, Failure } from './delivery.ts'
import type { Header, LogRecord } from './event-log.ts'

export interface RecordOrigin {
  topic: string
  partition: number
  offset: number
  timestampMs: number
}

export interface RecordMeta {
  deliveryId: string
  /** The attempt that this record is for, from 1. */
  attempt: number
  /** Epoch milliseconds before which it must not be delivered. */
  dueMs?: number
  origin: RecordOrigin
  firstFailedAtMs?: number
  failure?: Failure
  redriveCount: number
  /** Of a dead letter: it is no record but the bytes of a batch, or a part of these, or of a record that is too large for one. */
  batch?: LetterPart
}

export interface LetterPart {
  firstOffset: number
  lastOffset: number
  /** From 1. */
  part: number
  parts: number
  /** The parts are of the whole record, and have neither its key nor its headers. */
  content?: 'record+json'
}

const MAX_MESSAGE_BYTES = 1024
const DELIVERY_ID = /^[\x21-\x7e]{1,256}$/

const OURS: ReadonlySet<string> = new Set(Object.values(EVENT_HEADER))
/** Kafka Connect's names for what dead letters tell, which other tools read. */
export const DLQ_PREFIX = '__dlq.errors.'

/** Of a record in a source topic: whoever wrote it may name its delivery, all else is ours to say. `uid`: of the subscription. */
export function sourceMeta(record: LogRecord, uid: string): RecordMeta {
  const { topic, partition, offset, timestampMs } = record
  const named = record.headers.length === 0 ? undefined : textOf(record.headers, EVENT_HEADER.deliveryId)
  const deliveryId =
    named !== undefined && DELIVERY_ID.test(named) ? named : `${topic}-${partition}-${offset}.${uid.slice(0, 8)}`
  return { deliveryId, attempt: 1, origin: { topic, partition, offset, timestampMs }, redriveCount: 0 }
}

/** Of a record in a retry tier or among dead letters. What is missing or damaged there is read as if the record stood in a source. */
export function hopMeta(record: LogRecord, uid: string): RecordMeta {
  const source = sourceMeta(record, uid)
  const { headers } = record
  const failure = failureOf(headers)
  const dueMs = numberOf(headers, EVENT_HEADER.due)
  const firstFailedAtMs = numberOf(headers, EVENT_HEADER.firstFailedAt)
  return {
    deliveryId: source.deliveryId,
    attempt: Math.max(1, numberOf(headers, EVENT_HEADER.attempt) ?? 1),
    origin: originOf(headers) ?? source.origin,
    redriveCount: numberOf(headers, EVENT_HEADER.redriveCount) ?? 0,
    ...(dueMs !== undefined && { dueMs }),
    ...(firstFailedAtMs !== undefined && { firstFailedAtMs }),
    ...(failure && { failure }),
    ...batchOf(headers),
  }
}

/** Of the subscription that a record of a retry tier waits for; undefined of one that was replayed: it waits for whoever reads it. */
export function uidOf({ headers }: LogRecord): string | undefined {
  return textOf(headers, EVENT_HEADER.triggerUid)
}

/** The user's headers, then ours. `owner`: `namespace/name` of the Trigger or Function. */
export function hopHeaders(original: readonly Header[], meta: RecordMeta, owner: string): Header[] {
  const { origin, failure } = meta
  const headers = userHeaders(original)
  const put = (name: string, value: string | number | undefined) => {
    if (value !== undefined) headers.push([name, Buffer.from(String(value))])
  }
  put(EVENT_HEADER.deliveryId, meta.deliveryId)
  put(EVENT_HEADER.attempt, meta.attempt)
  put(EVENT_HEADER.due, meta.dueMs)
  put(EVENT_HEADER.trigger, owner)
  put(EVENT_HEADER.originTopic, origin.topic)
  put(EVENT_HEADER.originPartition, origin.partition)
  put(EVENT_HEADER.originOffset, origin.offset)
  put(EVENT_HEADER.originTimestamp, origin.timestampMs)
  put(EVENT_HEADER.firstFailedAt, meta.firstFailedAtMs)
  put(EVENT_HEADER.errorClass, failure?.class)
  put(EVENT_HEADER.errorStatus, failure?.status)
  put(EVENT_HEADER.errorMessage, failure && cutText(failure.message))
  put(EVENT_HEADER.redriveCount, meta.redriveCount === 0 ? undefined : meta.redriveCount)
  put(EVENT_HEADER.batchFirstOffset, meta.batch?.firstOffset)
  put(EVENT_HEADER.batchLastOffset, meta.batch?.lastOffset)
  put(EVENT_HEADER.batchPart, meta.batch && `${meta.batch.part}/${meta.batch.parts}`)
  put(EVENT_HEADER.batchContent, meta.batch?.content)
  return headers
}

export function userHeaders(headers: readonly Header[]): Header[] {
  return headers.filter(([name]) => !OURS.has(name) && !name.startsWith(DLQ_PREFIX))
}

/** The last value wins, as in Kafka Connect; undefined when there is none. */
export function textOf(headers: readonly Header[], name: string): string | undefined {
  for (let index = headers.length - 1; index >= 0; index--) {
    const header = headers[index]
    if (header !== undefined && header[0] === name) return header[1].toString('utf8')
  }
  return undefined
}

/** One line of at most 1 KiB, never cut inside a character. */
export function cutText(text: string): string {
  const line = text.replace(/\s*[\r\n]+\s*/g, ' ')
  if (Buffer.byteLength(line) <= MAX_MESSAGE_BYTES) return line
  const bytes = Buffer.from(line.slice(0, MAX_MESSAGE_BYTES)).subarray(0, MAX_MESSAGE_BYTES - 3)
  return `${bytes.toString('utf8').replace(/\ufffd+$/, '')}…`
}

function numberOf(headers: readonly Header[], name: string): number | undefined {
  const text = textOf(headers, name)
  const value = text === undefined || text === '' ? NaN : Number(text)
  return Number.isFinite(value) ? value : undefined
}

function batchOf(headers: readonly Header[]): { batch: LetterPart } | undefined {
  const [firstOffset, lastOffset] = [EVENT_HEADER.batchFirstOffset, EVENT_HEADER.batchLastOffset].map((name) =>
    numberOf(headers, name),
  )
  if (firstOffset === undefined || lastOffset === undefined) return undefined
  const [part = 1, parts = 1] = (textOf(headers, EVENT_HEADER.batchPart) ?? '')
    .split('/')
    .map((text) => Number(text) || 1)
  return { batch: { firstOffset, lastOffset, part, parts } }
}

function originOf(headers: readonly Header[]): RecordOrigin | undefined {
  const topic = textOf(headers, EVENT_HEADER.originTopic)
  const partition = numberOf(headers, EVENT_HEADER.originPartition)
  const offset = numberOf(headers, EVENT_HEADER.originOffset)
  if (topic === undefined || partition === undefined || offset === undefined) return undefined
  return { topic, partition, offset, timestampMs: numberOf(headers, EVENT_HEADER.originTimestamp) ?? 0 }
}

const CLASSES: ReadonlySet<string> = new Set<ErrorClass>([
  ...(['timeout', 'connect', 'http-5xx', 'http-4xx', 'handled', 'unhandled'] as const),
  ...(['decode', 'too-large', 'expired'] as const),
])

export function isErrorClass(text: string): text is ErrorClass {
  return CLASSES.has(text)
}

function failureOf(headers: readonly Header[]): Failure | undefined {
  const errorClass = textOf(headers, EVENT_HEADER.errorClass)
  if (errorClass === undefined || !isErrorClass(errorClass)) return undefined
  const status = numberOf(headers, EVENT_HEADER.errorStatus)
  const message = textOf(headers, EVENT_HEADER.errorMessage) ?? ''
  return { class: errorClass, message, ...(status !== undefined && { status }) }
}
