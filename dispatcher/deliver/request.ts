/** From a delivery to the request its function gets, by signature. Pure. */
import { HEADER } from '../../api/names.ts'
import type { FeedFunction } from '../../api/protocol.ts'
import type { Delivery, Failure } from '../../events/delivery.ts'
import { keptRequest } from '../../events/kept-request.ts'
import { parseExactly } from '../../lib/exact-json.ts'
import { isJsonSyntax } from '../../lib/json-syntax.ts'
import { encodeAttribute, isJsonType } from './cloud-event.ts'
import { contentTypeOf, type EventView } from './event-view.ts'
import { traceIn, traceOfEvent, traceparentOf } from './trace.ts'

export type DeliveryRequest =
  | { kind: 'request'; method?: string; path?: string; headers: string[]; body: Buffer }
  | { kind: 'rejected'; failure: Failure }

export interface RequestOptions {
  signature: FeedFunction['signature']
  /** Of a Trigger: a record that is no CloudEvent gets the attributes of one. */
  wrapsPlain: boolean
}

/** Lambda's limit of an event. */
export const EVENT_LIMIT_BYTES = 6 * 1024 * 1024
export const JSON_TYPE = 'application/json'
const NULL = Buffer.from('null')
const EMPTY = Buffer.alloc(0)

export function requestFor(delivery: Delivery, view: EventView, options: RequestOptions): DeliveryRequest {
  const headers = deliveryHeaders(delivery, view)
  const { signature, wrapsPlain } = options
  switch (signature) {
    case 'event':
      return lambdaRequest(headers, view)
    case 'cloudevent':
      return cloudEventRequest(headers, view)
    case 'http':
      return httpRequest(headers, view, wrapsPlain || view.mode === 'binary')
  }
}

/** Of an asynchronous invocation: as its caller asked for it. Undefined when that is not kept. */
export function askedRequest(delivery: Delivery): DeliveryRequest | undefined {
  const kept = keptRequest(delivery.record)
  if (kept === undefined) return undefined
  const { method, path, headers } = kept
  const body = delivery.record.value ?? EMPTY
  return { kind: 'request', method, path, headers: [...deliveryHeaders(delivery), ...headers], body }
}

/** `view`: of the record, where its trace may stand too (extension Distributed Tracing). */
export function deliveryHeaders({ deliveryId, attempt, record }: Delivery, view?: EventView): string[] {
  const headers = [HEADER.requestId, deliveryId, HEADER.deliveryId, deliveryId, HEADER.attempt, String(attempt)]
  const trace = traceIn(record) ?? traceOfEvent(view)
  if (trace === undefined) headers.push('traceparent', traceparentOf(deliveryId))
  else headers.push(...trace)
  return headers
}

function lambdaRequest(headers: string[], view: EventView): DeliveryRequest {
  const body = eventBody(view)
  if (body === undefined)
    return rejected('decode', 'expected JSON, as functions with signature event take, got other data')
  if (body.length > EVENT_LIMIT_BYTES)
    return rejected('too-large', `expected at most ${EVENT_LIMIT_BYTES} bytes, got ${body.length}`)
  headers.push('content-type', JSON_TYPE)
  return { kind: 'request', headers, body }
}

/** The data as JSON; undefined when it is not. */
function eventBody({ bytes, envelope }: EventView): Buffer | undefined {
  if (envelope !== undefined && envelope.bytes === undefined) return envelope.data === undefined ? NULL : dataIn(bytes)
  const data = envelope?.bytes ?? bytes
  if (data === null || data.length === 0) return NULL
  return isJsonSyntax(data) ? data : undefined
}

/** Of a structured event that has some; no number of it loses digits. */
function dataIn(structured: Buffer | null): Buffer {
  const { data } = parseExactly((structured ?? EMPTY).toString('utf8')) as { data: unknown }
  return Buffer.from(JSON.stringify(data))
}

/** CloudEvents over HTTP: structured as it came, else binary. */
function cloudEventRequest(headers: string[], view: EventView): DeliveryRequest {
  const { mode, bytes, contentType } = view
  if (mode === 'structured') return httpRequest(headers, view, false)
  if (
    bytes !== null &&
    bytes.length > 0 &&
    contentType !== undefined &&
    isJsonType(contentType) &&
    !isJsonSyntax(bytes)
  )
    return rejected('decode', `expected JSON, as the content type ${contentType} says, got other data`)
  return httpRequest(headers, view, true)
}

function httpRequest(headers: string[], view: EventView, hasAttributes: boolean): DeliveryRequest {
  const { attributes, bytes } = view
  if (hasAttributes) {
    for (const name of Object.keys(attributes)) {
      if (name !== 'datacontenttype') headers.push(`ce-${name}`, encodeAttribute(attributes[name] ?? ''))
    }
  }
  const contentType = contentTypeOf(view)
  if (contentType !== undefined) headers.push('content-type', contentType)
  return { kind: 'request', headers, body: bytes ?? EMPTY }
}

function rejected(errorClass: 'decode' | 'too-large', message: string): DeliveryRequest {
  return { kind: 'rejected', failure: { class: errorClass, message } }
}
