/**
 * A record as the CloudEvent it is, or as the one it is taken for. Pure. Modes of the CloudEvents Kafka binding 1.0: binary (`ce_` headers)
 * and structured (content type application/cloudevents+json); everything else is a plain record.
 */
import type { Delivery } from '../../events/delivery.ts'
import type { Header, LogRecord } from '../../events/event-log.ts'
import { printable } from '../../events/payload.ts'
import { isJsonSyntax } from '../../lib/json-syntax.ts'
import { textOf } from '../../events/record-headers.ts'
import { isStructured } from '../../events/structured-mode.ts'
import { mistakeIn, parseEnvelope, type Envelope } from './cloud-event.ts'
import { headerAttributes } from './header-attributes.ts'
import { errorText } from '../../lib/error-text.ts'

export interface EventView {
  mode: 'binary' | 'structured' | 'plain'
  /** Context attributes without `data`; those of a plain record are made up. */
  attributes: Readonly<Record<string, string>>
  /** What the record says of its value. */
  contentType?: string | undefined
  /** The record's value. Null: it has none (a tombstone). */
  bytes: Buffer | null
  /** Of a structured event. */
  envelope?: Envelope
}

export type ViewResult = { kind: 'event'; view: EventView } | { kind: 'malformed'; message: string }

export function viewOf(delivery: Delivery): ViewResult {
  const { headers } = delivery.record
  if (headers.length === 0) return { kind: 'event', view: plain(delivery, undefined) }
  const encoding = textOf(headers, 'content-encoding')
  if (encoding !== undefined && encoding !== '' && encoding.toLowerCase() !== 'identity')
    return malformed(`expected a record without content-encoding, got ${encoding}`)
  const contentType = textOf(headers, 'content-type')
  if (contentType?.trim().toLowerCase().startsWith('application/cloudevents') === true)
    return structured(delivery.record, contentType)
  if (textOf(headers, 'ce_specversion') !== undefined) return binary(delivery.record, contentType)
  return { kind: 'event', view: plain(delivery, contentType) }
}

/** What the data is said to be, or looks like; undefined when there is none, which looks like nothing. */
export function contentTypeOf({ contentType, bytes, mode }: EventView): string | undefined {
  if (bytes === null) return undefined
  return contentType ?? (mode === 'structured' || bytes.length === 0 ? undefined : guess(bytes))
}

function binary({ headers, value }: LogRecord, contentType: string | undefined): ViewResult {
  const attributes = attributesOf(headers)
  const mistake = mistakeIn(attributes)
  if (mistake !== undefined) return malformed(mistake)
  return { kind: 'event', view: { mode: 'binary', attributes, bytes: value, ...(contentType && { contentType }) } }
}

function attributesOf(headers: readonly Header[]): Record<string, string> {
  const attributes: Record<string, string> = {}
  for (const [name, value] of headers) if (name.startsWith('ce_')) attributes[name.slice(3)] = value.toString('utf8')
  return attributes
}

function structured({ value }: LogRecord, contentType: string): ViewResult {
  if (!isStructured(contentType)) return malformed(`expected application/cloudevents+json, got ${contentType}`)
  try {
    const envelope = parseEnvelope(value)
    return {
      kind: 'event',
      view: { mode: 'structured', attributes: envelope.attributes, bytes: value, contentType, envelope },
    }
  } catch (error) {
    return malformed(errorText(error))
  }
}

function plain(delivery: Delivery, contentType: string | undefined): EventView {
  return new PlainView(delivery, contentType)
}

/** Most functions take the data alone: what a plain record would be as a CloudEvent is made up only when it is asked for. */
class PlainView implements EventView {
  readonly mode = 'plain'
  readonly bytes: Buffer | null
  readonly contentType: string | undefined
  readonly #delivery: Delivery

  constructor(delivery: Delivery, contentType: string | undefined) {
    this.bytes = delivery.record.value
    this.contentType = contentType
    this.#delivery = delivery
  }

  get attributes(): Record<string, string> {
    const { record, deliveryId, origin } = this.#delivery
    const subject = record.key === null ? undefined : printable(record.key)
    return {
      ...headerAttributes(record.headers),
      specversion: '1.0',
      id: deliveryId,
      source: `/topics/${origin.topic}`,
      type: 'dev.dormouse.record',
      time: timeOf(origin.timestampMs),
      ...(subject !== undefined && { subject }),
    }
  }
}

/** Producers write what they like: a time that no calendar has must not stop the record. */
function timeOf(epochMs: number): string {
  const time = new Date(epochMs)
  return Number.isNaN(time.getTime()) ? new Date(0).toISOString() : time.toISOString()
}

/** What it looks like: nobody said. */
function guess(value: Buffer): string {
  if (isJsonSyntax(value)) return 'application/json'
  return printable(value) === undefined ? 'application/octet-stream' : 'text/plain; charset=utf-8'
}

const malformed = (message: string): ViewResult => ({ kind: 'malformed', message })
