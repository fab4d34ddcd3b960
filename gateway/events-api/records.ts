/** From requests to records. Pure. */
import { EVENT_HEADER, type ObjectKey } from '../../api/names.ts'
import type { FeedFunction } from '../../api/protocol.ts'
import { decodeAttribute } from '../../events/attribute-header.ts'
import { MAX_RECORD_BYTES, type Header, type NewRecord } from '../../events/event-log.ts'
import type { InvocationState } from '../../events/invocation-ledger.ts'
import { keptHeader, MAX_KEPT_BYTES } from '../../events/kept-request.ts'
import { isJsonSyntax } from '../../lib/json-syntax.ts'
import { isStructured } from '../../events/structured-mode.ts'
import { asyncTopic, isReservedTopic } from '../../events/topic-names.ts'
import { ProblemError } from '../../routing/problems.ts'
import { textIn } from '../json-text.ts'
import type { RequestHead } from '../proxy/request-head.ts'

/** A record's limit less room for its headers. */
export const MAX_EVENT_BYTES = MAX_RECORD_BYTES - 32 * 1024
const EMPTY_EVENT = Buffer.from('{}')

export interface Invoked {
  id: string
  key: ObjectKey
  signature: FeedFunction['signature']
  body: Buffer
  method: string
  /** As the function sees it. */
  path: string
  /** As it goes on, with its trace. */
  head: Pick<RequestHead, 'headers'>
  nowMs: number
}

/** Throws ProblemError `invalid-event`, `headers-too-large`. */
export function invocationRecord(invoked: Invoked): { record: NewRecord; state: InvocationState } {
  const { id, key, signature, body, head, nowMs } = invoked
  const value = signature === 'event' && body.length === 0 ? EMPTY_EVENT : body
  if (signature === 'event' && !isJsonSyntax(value))
    throw new ProblemError('invalid-event', 'expected a body of JSON, as functions with signature event take')
  const headers: Header[] = [[EVENT_HEADER.deliveryId, Buffer.from(id)]]
  for (let at = 0; at + 1 < head.headers.length; at += 2) addHeader(headers, head.headers[at], head.headers[at + 1])
  if (signature === 'http') headers.push(requestHeader(invoked))
  return {
    record: { topic: asyncTopic(key), key: null, value, headers, timestampMs: nowMs },
    state: { id, functionKey: key, status: 'queued', acceptedAtMs: nowMs, attempts: 0 },
  }
}

function requestHeader({ method, path, head }: Invoked): Header {
  const header = keptHeader({ method, path, headers: head.headers })
  if (header !== undefined) return header
  const message = `method, path and headers of an asynchronous invocation may have at most ${MAX_KEPT_BYTES} bytes`
  throw new ProblemError('headers-too-large', message)
}

export interface Published {
  topic: string
  query: URLSearchParams
  body: Buffer
  rawHeaders: readonly string[]
}

/** Throws ProblemError. */
export function publishedRecord({ topic, query, body, rawHeaders }: Published): NewRecord {
  if (isReservedTopic(topic))
    throw new ProblemError(
      'topic-reserved',
      `topics that begin with dormouse., dormouse_ or __ belong to the platform and to Kafka, got ${topic}`,
    )
  const headers: Header[] = []
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) addHeader(headers, rawHeaders[at], rawHeaders[at + 1])
  const text = query.get('key') ?? headerText(headers, 'ce_partitionkey') ?? structuredKey(headers, body)
  const partition = partitionOf(query.get('partition'))
  const isTombstone = query.get('tombstone') === 'true'
  if (isTombstone && body.length > 0) throw new ProblemError('bad-request', 'a tombstone has no body')
  return {
    ...{ topic, headers, value: isTombstone ? null : body, key: text === undefined ? null : Buffer.from(text) },
    ...(partition !== undefined && { partition }),
  }
}

const KEPT = new Set(['content-type', 'content-encoding', 'traceparent', 'tracestate'])

/** What means something beside the body: its type, its trace, and a CloudEvent's attributes, in Kafka with another prefix and plain UTF-8. */
function addHeader(headers: Header[], name = '', value = ''): void {
  const lower = name.toLowerCase()
  if (KEPT.has(lower)) headers.push([lower, Buffer.from(value)])
  else if (lower.startsWith('ce-')) headers.push([`ce_${lower.slice(3)}`, Buffer.from(decodeAttribute(value))])
}

/** Its `partitionkey` is the key of an event in structured mode, too (Kafka binding 1.0 §3.1). What is none is stored as it came. */
function structuredKey(headers: readonly Header[], body: Buffer): string | undefined {
  if (!isStructured(headerText(headers, 'content-type') ?? '') || !body.includes('"partitionkey"')) return undefined
  return textIn(body, 'partitionkey')
}

function headerText(headers: readonly Header[], name: string): string | undefined {
  return headers.find(([found]) => found === name)?.[1].toString('utf8')
}

function partitionOf(text: string | null): number | undefined {
  if (text === null) return undefined
  const partition = Number(text)
  if (text !== '' && Number.isInteger(partition) && partition >= 0) return partition
  throw new ProblemError('bad-request', `expected a partition such as 0, got ${text}`)
}
