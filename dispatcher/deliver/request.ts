/** From a delivery to the request its function gets, by signature. Pure. */
import { HEADER } from '../../api/names.ts'
import type { FeedFunction } from '../../api/protocol.ts'
import type { Delivery, Failure } from '../../events/delivery.ts'
import { textOf } from '../../events/record-headers.ts'
import { isJson } from '../../events/payload.ts'
import type { EventView } from './event-view.ts'
import { kafkaEvent } from './kafka-event.ts'

export type DeliveryRequest =
  { kind: 'request'; headers: string[]; body: Buffer } | { kind: 'rejected'; failure: Failure }

/** Lambda's limit of an event. */
const EVENT_LIMIT_BYTES = 6 * 1024 * 1024
const NULL = Buffer.from('null')
const EMPTY = Buffer.alloc(0)
const JSON_TYPE = 'application/json'

export function requestFor(signature: FeedFunction['signature'], delivery: Delivery, view: EventView): DeliveryRequest {
  const headers = deliveryHeaders(delivery)
  if (signature !== 'event') return eventRequest(headers, view)
  const body = eventBody(view)
  if (body === undefined)
    return rejected('decode', 'expected JSON, as functions with signature event take, got other data')
  if (body.length > EVENT_LIMIT_BYTES) return rejected('too-large', `expected at most ${EVENT_LIMIT_BYTES} bytes`)
  headers.push('content-type', JSON_TYPE)
  return { kind: 'request', headers, body }
}

/** All of them in one Lambda event. */
export function batchRequest(deliveries: readonly Delivery[]): DeliveryRequest {
  const [first] = deliveries
  const body = Buffer.from(JSON.stringify(kafkaEvent(deliveries)))
  if (body.length > EVENT_LIMIT_BYTES)
    return rejected('too-large', `the batch has ${body.length} bytes, expected at most ${EVENT_LIMIT_BYTES}`)
  const headers = first === undefined ? [] : deliveryHeaders(first)
  return { kind: 'request', headers: [...headers, 'content-type', JSON_TYPE], body }
}

function deliveryHeaders({ deliveryId, attempt, record }: Delivery): string[] {
  const traceparent = record.headers.length === 0 ? undefined : textOf(record.headers, 'traceparent')
  const headers = [HEADER.requestId, deliveryId, HEADER.deliveryId, deliveryId, HEADER.attempt, String(attempt)]
  if (traceparent !== undefined && /^[0-9a-f-]{55}$/.test(traceparent)) headers.push('traceparent', traceparent)
  return headers
}

/** The data as JSON; undefined when it is not. */
function eventBody({ mode, bytes, envelope }: EventView): Buffer | undefined {
  if (bytes === null || bytes.length === 0) return NULL
  if (mode !== 'structured') return isJson(bytes) ? bytes : undefined
  if (envelope?.['data_base64'] !== undefined) return Buffer.from(JSON.stringify(envelope['data_base64']))
  return Buffer.from(JSON.stringify(envelope?.['data'] ?? null))
}

/** CloudEvents over HTTP: structured as it came, else binary. */
function eventRequest(headers: string[], { mode, attributes, bytes, contentType }: EventView): DeliveryRequest {
  if (mode !== 'structured') {
    for (const [name, value] of Object.entries(attributes)) {
      if (name !== 'datacontenttype') headers.push(`ce-${name}`, encodeHeader(value))
    }
  }
  if (contentType !== undefined) headers.push('content-type', contentType)
  return { kind: 'request', headers, body: bytes ?? EMPTY }
}

/** As the HTTP binding says: percent-encoded but for what is printable ASCII. */
function encodeHeader(value: string): string {
  return value.replace(/[^\x21\x23\x24\x26-\x7e]/gu, (char) => encodeURIComponent(char))
}

function rejected(errorClass: 'decode' | 'too-large', message: string): DeliveryRequest {
  return { kind: 'rejected', failure: { class: errorClass, message } }
}
