/**
 * The request that an asynchronous invocation was asked for with, in one header of its record: its function, of signature `http`, gets it as
 * if its caller had waited. It is no header of hops: retries, dead letters and replays carry it byte for byte. Pure.
 */
import { HEADER_PREFIX } from '../api/names.ts'
import { isRecord } from '../api/record.ts'
import type { Header, LogRecord } from './event-log.ts'
import { textOf } from './record-headers.ts'

export interface KeptRequest {
  method: string
  /** Path and query as the function sees them. */
  path: string
  /** Name, value, name, value …, end to end. */
  headers: readonly string[]
}

const NAME = 'dormouse-request'
/** A record has 32 KiB beside its body. */
export const MAX_KEPT_BYTES = 28 * 1024
const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** What an attempt says anew: traces stand in headers of their own, lengths are the body's. */
const SAID_ANEW: ReadonlySet<string> = new Set(['traceparent', 'tracestate', 'content-length'])

/** Undefined when it is larger than MAX_KEPT_BYTES. */
export function keptHeader({ method, path, headers }: KeptRequest): Header | undefined {
  const kept: string[] = []
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const [name = '', value = ''] = [headers[at], headers[at + 1]]
    const lower = name.toLowerCase()
    if (!SAID_ANEW.has(lower) && !lower.startsWith(HEADER_PREFIX)) kept.push(name, value)
  }
  const bytes = Buffer.from(JSON.stringify({ method, path, headers: kept }))
  return bytes.length > MAX_KEPT_BYTES ? undefined : [NAME, bytes]
}

/** Undefined of a record without: of a destination, or stored by a version that kept none. */
export function keptRequest({ headers }: LogRecord): KeptRequest | undefined {
  const text = textOf(headers, NAME)
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return isKept(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isKept(value: unknown): value is KeptRequest {
  if (!isRecord(value)) return false
  const { method, path, headers } = value
  if (typeof method !== 'string' || !METHOD.test(method)) return false
  if (typeof path !== 'string' || !path.startsWith('/')) return false
  return Array.isArray(headers) && headers.length % 2 === 0 && headers.every((text) => typeof text === 'string')
}
