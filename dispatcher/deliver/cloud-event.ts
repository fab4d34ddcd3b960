/** What makes a CloudEvent 1.0 one, and how its attributes travel as HTTP headers. Pure. */
import { isRecord } from '../../api/record.ts'

const REQUIRED = ['id', 'source', 'type'] as const
const NOT_EMPTY: ReadonlySet<string> = new Set(['subject', 'dataschema', 'datacontenttype'])
/** What has the name of its data is none. */
const ATTRIBUTE_NAME = /^(?!data$)[a-z0-9]+$/
const TIMESTAMP =
  /^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$/
/** Padded or not, of either alphabet, in lines or not. */
const BASE64 = /^[\w+/\s-]*={0,2}\s*$/

/** One sentence, or undefined when these can be the attributes of an event. */
export function mistakeIn(attributes: Readonly<Record<string, unknown>>): string | undefined {
  const { specversion } = attributes
  if (specversion !== '1.0')
    return `expected a CloudEvent of specversion 1.0, got ${JSON.stringify(specversion) ?? 'none'}`
  const missing = REQUIRED.find((name) => typeof attributes[name] !== 'string' || attributes[name] === '')
  if (missing !== undefined) return `expected a CloudEvent with ${missing}, got one without`
  for (const name of Object.keys(attributes)) {
    const mistake = mistakeInOne(name, attributes[name])
    if (mistake !== undefined) return mistake
  }
  return undefined
}

function mistakeInOne(name: string, value: unknown): string | undefined {
  if (!ATTRIBUTE_NAME.test(name))
    return `expected names of attributes in lower-case letters and digits, got ${JSON.stringify(name)}`
  // JSON's null is an attribute that is absent.
  if (value === null) return undefined
  if (typeof value === 'string' && !value.isWellFormed())
    return `expected ${name} to be Unicode text, got half a surrogate pair in ${JSON.stringify(value)}`
  if (typeof value === 'object')
    return `expected ${name} to be text, a number or a boolean, got ${JSON.stringify(value)}`
  if (NOT_EMPTY.has(name) && (typeof value !== 'string' || value === ''))
    return `expected ${name} to be text that is not empty, got ${JSON.stringify(value)}`
  if (name === 'time' && !(typeof value === 'string' && isTime(value)))
    return `expected time to be such as 2026-01-31T12:00:00Z, got ${JSON.stringify(value)}`
  return undefined
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

/** An event in structured mode. */
export interface Envelope {
  attributes: Record<string, string>
  /** As JSON; undefined when it has none, or has bytes. */
  data?: unknown
  /** Of `data_base64`. */
  bytes?: Buffer
}

/** Throws Error with one sentence when it is none. */
export function parseEnvelope(body: Buffer | null): Envelope {
  const { data, data_base64: base64, ...attributes } = jsonObject(body)
  const mistake = mistakeIn(attributes)
  if (mistake !== undefined) throw new Error(mistake)
  const texts: Record<string, string> = {}
  for (const [name, value] of Object.entries(attributes)) if (isScalar(value)) texts[name] = String(value)
  if (base64 === undefined || base64 === null)
    return data === undefined ? { attributes: texts } : { attributes: texts, data }
  if (data !== undefined) throw new Error('expected either data or data_base64, got both')
  if (typeof base64 !== 'string') throw new Error(`expected data_base64 to be text, got ${typeof base64}`)
  if (!BASE64.test(base64)) throw new Error('expected data_base64 to be base64, got other text')
  return { attributes: texts, bytes: Buffer.from(base64, 'base64') }
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

function jsonObject(body: Buffer | null): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse((body ?? Buffer.alloc(0)).toString('utf8'))
  } catch (error) {
    throw new Error('expected a CloudEvent as JSON, got other data', { cause: error })
  }
  if (isRecord(value)) return value
  throw new Error('expected a CloudEvent as a JSON object, got other JSON')
}

/** Of data: `application/json` and all that ends in `+json`. */
export function isJsonType(contentType: string): boolean {
  return /^\s*[^/;\s]+\/(?:[^;\s]+\+)?json\s*(?:;|$)/i.test(contentType)
}

/** As the HTTP binding says: percent-encoded but for what is printable ASCII. Read back by `decodeAttribute` (events/). */
export function encodeAttribute(value: string): string {
  return value.replace(/[^\x21\x23\x24\x26-\x7e]/gu, (char) => encodeURIComponent(char))
}
