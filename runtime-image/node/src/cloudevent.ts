/** CloudEvents 1.0 over HTTP: from a request to one plain object. Pure. */
import type { IncomingHttpHeaders } from 'node:http'

export interface CloudEvent {
  specversion: '1.0'
  id: string
  source: string
  type: string
  data?: unknown
  /** Present when `data` is a Buffer: the same bytes. */
  data_base64?: string
  [attribute: string]: unknown
}

export type ParsedCloudEvent =
  { kind: 'event'; event: CloudEvent } | { kind: 'invalid'; status: 400 | 415; message: string }

class Invalid extends Error {
  readonly status: 400 | 415

  constructor(message: string, status: 400 | 415 = 400) {
    super(message)
    this.status = status
  }
}

export function parseCloudEvent(headers: IncomingHttpHeaders, body: Buffer): ParsedCloudEvent {
  try {
    return { kind: 'event', event: read(headers, body) }
  } catch (error) {
    if (error instanceof Invalid) return { kind: 'invalid', status: error.status, message: error.message }
    throw error
  }
}

function read(headers: IncomingHttpHeaders, body: Buffer): CloudEvent {
  const mediaType = mediaTypeOf(headers['content-type'])
  if (mediaType === 'application/cloudevents+json') return structured(body)
  if (mediaType.startsWith('application/cloudevents')) {
    throw new Invalid(`expected one CloudEvent (binary or application/cloudevents+json), got ${mediaType}`, 415)
  }
  return binary(headers, body)
}

function mediaTypeOf(contentType: string | undefined): string {
  return (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

/** The commonest mistake: a whole event sent as plain JSON. */
const NEITHER_MODE =
  'expected headers ce-specversion, ce-id, ce-source and ce-type, or content-type application/cloudevents+json for a whole event'

/** What has the name of its data is none. */
const ATTRIBUTE_NAME = /^(?!data$)[a-z0-9]+$/
const TIMESTAMP =
  /^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$/
/** Padded or not, of either alphabet, in lines or not. */
const BASE64 = /^[\w+/\s-]*={0,2}\s*$/

function binary(headers: IncomingHttpHeaders, body: Buffer): CloudEvent {
  if (headers['ce-specversion'] === undefined) throw new Invalid(NEITHER_MODE)
  const attributes: Record<string, unknown> = {}
  for (const name of Object.keys(headers)) {
    if (name.startsWith('ce-')) attributes[name.slice(3)] = percentDecoded(String(headers[name]))
  }
  const contentType = headers['content-type']
  if (contentType !== undefined) attributes['datacontenttype'] = contentType
  const event = checked(attributes)
  if (body.length === 0) return event
  return { ...event, ...(contentType === undefined ? untypedData(body) : dataOf(contentType, body)) }
}

/** As it is delivered from topics: JSON where it is JSON. Python's CloudEvents SDK sends objects without saying what they are. */
function untypedData(bytes: Buffer): { data: unknown; data_base64?: string } {
  try {
    return { data: JSON.parse(bytes.toString('utf8')) as unknown }
  } catch {
    return dataOf(undefined, bytes)
  }
}

/** Header values carry percent-encoded UTF-8 and may be quoted. Some senders leave UTF-8 as it is. */
function percentDecoded(value: string): string {
  const text = asUtf8(value)
  const bare = /^".*"$/.test(text) ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text
  try {
    return bare.includes('%') ? decodeURIComponent(bare) : bare
  } catch {
    return bare
  }
}

/** Node reads header bytes as Latin-1. */
function asUtf8(value: string): string {
  if (!/[\x80-\xff]/.test(value)) return value
  const text = Buffer.from(value, 'latin1').toString('utf8')
  return text.includes('\ufffd') ? value : text
}

function structured(body: Buffer): CloudEvent {
  const { data, data_base64: base64, ...attributes } = jsonObject(body)
  // JSON's null is an attribute that is absent (CloudEvents JSON format 1.0 §2.2).
  const present = Object.entries(attributes).filter(([, value]) => value !== null)
  const event = checked(Object.fromEntries(present))
  if (base64 === undefined || base64 === null) return data === undefined ? event : { ...event, data }
  if (data !== undefined) throw new Invalid('expected either data or data_base64, got both')
  if (typeof base64 !== 'string') throw new Invalid(`data_base64 must be a string, got ${typeof base64}`)
  if (!BASE64.test(base64)) throw new Invalid('data_base64 must be base64, got other text')
  return { ...event, ...dataOf(event['datacontenttype'] as string | undefined, Buffer.from(base64, 'base64')) }
}

function jsonObject(body: Buffer): Record<string, unknown> {
  const value = parseJson(body, 'the body')
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new Invalid('the body must be a JSON object')
}

function parseJson(bytes: Buffer, name: string): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    throw new Invalid(`${name} is not JSON: ${(error as Error).message}`)
  }
}

function checked(attributes: Record<string, unknown>): CloudEvent {
  if (attributes['specversion'] !== '1.0') {
    throw new Invalid(`specversion must be "1.0", got ${JSON.stringify(attributes['specversion']) ?? 'nothing'}`)
  }
  for (const name of ['id', 'source', 'type']) {
    const value = attributes[name]
    if (typeof value === 'string' && value !== '') continue
    throw new Invalid(`${name} must be a non-empty string, got ${JSON.stringify(value) ?? 'nothing'}`)
  }
  for (const [name, value] of Object.entries(attributes)) checkOptional(name, value)
  return attributes as CloudEvent
}

function checkOptional(name: string, value: unknown): void {
  if (!ATTRIBUTE_NAME.test(name)) throw new Invalid(`attribute names are lower-case letters and digits, got "${name}"`)
  if (value !== null && !['string', 'number', 'boolean'].includes(typeof value)) {
    throw new Invalid(`${name} must be a string, a number or a boolean, got ${JSON.stringify(value)}`)
  }
  if (['subject', 'dataschema', 'datacontenttype'].includes(name) && (typeof value !== 'string' || value === '')) {
    throw new Invalid(`${name} must be a non-empty string when present`)
  }
  if (name === 'time' && !(typeof value === 'string' && isTime(value))) {
    throw new Invalid(`time must be an RFC 3339 timestamp, got ${JSON.stringify(value)}`)
  }
}

/** RFC 3339, so that 30 February is none. */
function isTime(text: string): boolean {
  const [, year, month, day] = (TIMESTAMP.exec(text) ?? []).map(Number)
  return year !== undefined && month !== undefined && day !== undefined && day <= lastDay(year, month)
}

function lastDay(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** JSON parsed, text as string, everything else as a Buffer beside its base64. */
function dataOf(contentType: string | undefined, bytes: Buffer): { data: unknown; data_base64?: string } {
  const mediaType = mediaTypeOf(contentType)
  if (/^[^/]+\/(json$|.*\+json$)/.test(mediaType)) return { data: parseJson(bytes, 'data') }
  if (mediaType.startsWith('text/')) return { data: bytes.toString('utf8') }
  return { data: bytes, data_base64: bytes.toString('base64') }
}
