/**
 * A record as the CloudEvent it is, or as the one it is taken for. Pure. Modes of the CloudEvents Kafka binding 1.0: binary (`ce_` headers)
 * and structured (content type application/cloudevents+json); everything else is a plain record.
 */
import type { Delivery } from '../../events/delivery.ts'
import type { Header, LogRecord } from '../../events/event-log.ts'
import { isJson, printable } from '../../events/payload.ts'
import { textOf } from '../../events/record-headers.ts'

export interface EventView {
  mode: 'binary' | 'structured' | 'plain'
  /** Context attributes without `data`; those of a plain record are made up. */
  attributes: Readonly<Record<string, string>>
  /** Of the data; absent when it has none. */
  contentType?: string
  /** Null: it has none (a tombstone). Of a structured event: the whole envelope. */
  bytes: Buffer | null
  /** Of a structured event. */
  envelope?: Record<string, unknown>
}

export type ViewResult = { kind: 'event'; view: EventView } | { kind: 'malformed'; message: string }

const REQUIRED = ['id', 'source', 'type'] as const

export function viewOf(delivery: Delivery): ViewResult {
  const { headers } = delivery.record
  const encoding = headers.length === 0 ? undefined : textOf(headers, 'content-encoding')
  if (encoding !== undefined && encoding !== '' && encoding.toLowerCase() !== 'identity')
    return malformed(`expected a record without content-encoding, got ${encoding}`)
  const contentType = headers.length === 0 ? undefined : textOf(headers, 'content-type')
  if (contentType?.toLowerCase().startsWith('application/cloudevents') === true)
    return structured(delivery.record, contentType)
  const specversion = headers.length === 0 ? undefined : textOf(headers, 'ce_specversion')
  if (specversion !== undefined) return binary(delivery.record, contentType)
  return { kind: 'event', view: plain(delivery, contentType) }
}

function binary({ headers, value }: LogRecord, contentType: string | undefined): ViewResult {
  const attributes = attributesOf(headers)
  const mistake = mistakeIn(attributes)
  if (mistake !== undefined) return malformed(mistake)
  const type = contentType ?? 'application/json'
  return { kind: 'event', view: { mode: 'binary', attributes, bytes: value, contentType: type } }
}

function attributesOf(headers: readonly Header[]): Record<string, string> {
  const attributes: Record<string, string> = {}
  for (const [name, value] of headers) if (name.startsWith('ce_')) attributes[name.slice(3)] = value.toString('utf8')
  return attributes
}

function structured({ value }: LogRecord, contentType: string): ViewResult {
  if (!/^application\/cloudevents\+json\b/i.test(contentType))
    return malformed(`expected application/cloudevents+json, got ${contentType}`)
  const envelope = parseObject(value)
  if (envelope === undefined) return malformed('expected a CloudEvent as a JSON object')
  const mistake = mistakeIn(envelope)
  if (mistake !== undefined) return malformed(mistake)
  const entries = Object.entries(envelope).filter(([name]) => name !== 'data' && name !== 'data_base64')
  const attributes = Object.fromEntries(entries.map(([name, attribute]) => [name, String(attribute)]))
  return { kind: 'event', view: { mode: 'structured', attributes, bytes: value, contentType, envelope } }
}

function mistakeIn(event: Record<string, unknown>): string | undefined {
  if (event['specversion'] !== '1.0')
    return `expected a CloudEvent of specversion 1.0, got ${JSON.stringify(event['specversion'])}`
  const missing = REQUIRED.find((name) => typeof event[name] !== 'string' || event[name] === '')
  return missing && `the CloudEvent has no ${missing}`
}

function plain({ record, deliveryId, origin }: Delivery, contentType: string | undefined): EventView {
  const subject = record.key === null ? undefined : printable(record.key)
  const attributes = {
    specversion: '1.0',
    id: deliveryId,
    source: `/topics/${origin.topic}`,
    type: 'dev.dormouse.record',
    time: new Date(record.timestampMs).toISOString(),
    ...(subject !== undefined && { subject }),
  }
  if (record.value === null) return { mode: 'plain', attributes, bytes: null }
  return { mode: 'plain', attributes, bytes: record.value, contentType: contentType ?? guess(record.value) }
}

/** What it looks like: nobody said. */
function guess(value: Buffer): string {
  if (isJson(value)) return 'application/json'
  return printable(value) === undefined ? 'application/octet-stream' : 'text/plain; charset=utf-8'
}

function parseObject(bytes: Buffer | null): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse((bytes ?? Buffer.alloc(0)).toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

const malformed = (message: string): ViewResult => ({ kind: 'malformed', message })
