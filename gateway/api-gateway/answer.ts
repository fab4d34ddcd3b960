/**
 * What a function returned as the HTTP answer that API Gateway makes of it. Pure. A result with `statusCode` says the answer itself; any other
 * is in payload format 2.0 the body of a 200. A result that says it wrongly is malformed: the caller answers 502 with the message.
 */
import { isRecord } from '../../api/record.ts'

export type PayloadFormat = '1.0' | '2.0'

export type ApiGatewayAnswer =
  /**
   * `headers` is flat: name, value, …; names in lower case, set-cookie once per cookie. Length and connection are the caller's.
   * `statedLength`: of an answer without a body, what the function says of it; of one to HEAD only the function knows.
   */
  | { kind: 'answer'; statusCode: number; headers: string[]; body: Buffer; statedLength?: number }
  | { kind: 'malformed'; message: string }

class MalformedResultError extends Error {}

/** `payload`: the JSON that the function's pod answered with. */
export function fromResult(payload: Buffer, format: PayloadFormat = '2.0'): ApiGatewayAnswer {
  try {
    const result = parse(payload)
    if (isRecord(result) && Object.hasOwn(result, 'statusCode')) return explicitAnswer(result, FORMATS[format])
    if (format === '2.0') return inferredAnswer(result, payload)
    throw new MalformedResultError(
      `expected an object with statusCode, as payload format 1.0 has, got ${shown(result)}`,
    )
  } catch (error) {
    return malformed(error)
  }
}

/** What `HttpResponseStream.from` of the Lambda runtimes makes: status, headers and cookies as JSON, eight NUL bytes, the body. */
const WITH_PRELUDE = 'application/vnd.awslambda.http-integration-response'
const AFTER_PRELUDE = Buffer.alloc(8)

/** What a function with a streamed answer wrote: the body as it is, or after a prelude that says the rest of the answer. */
export function fromStream(payload: Buffer, contentType: string): ApiGatewayAnswer {
  if (contentType !== WITH_PRELUDE)
    return { kind: 'answer', statusCode: 200, headers: ['content-type', contentType], body: payload }
  const end = payload.indexOf(AFTER_PRELUDE)
  if (end === -1) return { kind: 'malformed', message: 'expected a prelude and eight NUL bytes, got no NUL bytes' }
  const body = payload.subarray(end + AFTER_PRELUDE.length)
  try {
    const prelude = parse(payload.subarray(0, end))
    if (!isRecord(prelude)) throw new MalformedResultError(`expected a prelude, got ${shown(prelude)}`)
    return explicitAnswer({ statusCode: 200, ...prelude }, { ...FORMATS['2.0'], streamed: body })
  } catch (error) {
    return malformed(error)
  }
}

function malformed(error: unknown): ApiGatewayAnswer {
  if (error instanceof MalformedResultError) return { kind: 'malformed', message: error.message }
  throw error
}

function parse(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString()) as unknown
  } catch (cause) {
    throw new MalformedResultError('expected the function to answer JSON, got something else', { cause })
  }
}

/** A string is the body as it is; everything else is its JSON, byte for byte. */
function inferredAnswer(result: unknown, payload: Buffer): ApiGatewayAnswer {
  const body = typeof result === 'string' ? Buffer.from(result) : payload
  return { kind: 'answer', statusCode: 200, headers: ['content-type', 'application/json'], body }
}

interface Reading {
  /** Of a body without a type. */
  contentType: string
  hasLists: boolean
  /** Its body, when that came after it. */
  streamed?: Buffer
}

const FORMATS: Readonly<Record<PayloadFormat, Reading>> = {
  '1.0': { contentType: 'application/json', hasLists: true },
  '2.0': { contentType: 'text/plain; charset=utf-8', hasLists: false },
}

function explicitAnswer(
  result: Record<string, unknown>,
  { contentType, hasLists, streamed }: Reading,
): ApiGatewayAnswer {
  const statusCode = readStatusCode(result['statusCode'])
  const given = streamed ?? readBody(result['body'], result['isBase64Encoded'])
  const headers = readHeaders(result['headers'])
  const lists = hasLists ? readLists(result['multiValueHeaders']) : []
  // What both say is said by the lists.
  for (const [name, value] of lists) if (headers.get(name) === value) headers.delete(name)
  const cookies = readCookies(result['cookies'])
  const body = statusCode === 204 || statusCode === 304 ? Buffer.alloc(0) : given
  const all = [...headers, ...lists]
  if (body.length > 0 && !all.some(([name]) => name === 'content-type')) all.push(['content-type', contentType])
  const statedLength = body.length === 0 ? readLength(result['headers']) : undefined
  const answer = { kind: 'answer' as const, statusCode, headers: all.flat().concat(cookies), body }
  return statedLength === undefined ? answer : { ...answer, statedLength }
}

/** Lambda takes a number in text as well. */
function readStatusCode(value: unknown): number {
  const code = typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value
  if (typeof code === 'number' && Number.isInteger(code) && code >= 200 && code <= 599) return code
  throw new MalformedResultError(`expected statusCode to be an integer from 200 to 599, got ${shown(value)}`)
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** What a header value may contain: no line breaks, so that a value never becomes a header of its own. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
/** The connection is ours, and so is what tells the parts of Dormouse apart. */
const NOT_THE_FUNCTIONS =
  /^(connection|content-length|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|dormouse-.*)$/

/** Names that differ only in case are one header: the last wins. */
function readHeaders(value: unknown): Map<string, string> {
  const headers = new Map<string, string>()
  if (value === undefined || value === null) return headers
  if (!isRecord(value)) throw new MalformedResultError(`expected headers to be an object, got ${shown(value)}`)
  for (const [name, each] of Object.entries(value)) {
    if (!TOKEN.test(name)) throw new MalformedResultError(`expected a header name, got ${shown(name)}`)
    const lower = name.toLowerCase()
    if (each !== null && !NOT_THE_FUNCTIONS.test(lower)) headers.set(lower, headerValue(each, `header ${name}`))
  }
  return headers
}

/** `multiValueHeaders`: one pair per value. */
function readLists(value: unknown): [string, string][] {
  if (value === undefined || value === null) return []
  if (!isRecord(value))
    throw new MalformedResultError(`expected multiValueHeaders to be an object, got ${shown(value)}`)
  return Object.entries(value).flatMap(([name, values]) => {
    if (!Array.isArray(values))
      throw new MalformedResultError(`expected multiValueHeaders to have lists, got ${shown(values)} for ${name}`)
    return values.flatMap((each: unknown) => [...readHeaders({ [name]: each })])
  })
}

/** Frameworks say it as a number or as text. */
function readLength(headers: unknown): number | undefined {
  if (!isRecord(headers)) return undefined
  const stated = Object.entries(headers).findLast(([name]) => name.toLowerCase() === 'content-length')?.[1]
  return /^\d{1,15}$/.test(String(stated)) ? Number(stated) : undefined
}

function readCookies(value: unknown): string[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value))
    throw new MalformedResultError(`expected cookies to be a list of strings, got ${shown(value)}`)
  return value.flatMap((cookie: unknown) => {
    if (typeof cookie !== 'string')
      throw new MalformedResultError(`expected cookies to be a list of strings, got ${shown(cookie)} in it`)
    return ['set-cookie', headerValue(cookie, 'cookies')]
  })
}

function headerValue(value: unknown, where: string): string {
  const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value
  if (typeof text !== 'string') throw new MalformedResultError(`expected ${where} to be a string, got ${shown(value)}`)
  if (!VALUE.test(text))
    throw new MalformedResultError(
      `expected ${where} without control characters and within Latin-1, got ${shown(text)}`,
    )
  return text
}

const BASE64 = /^[A-Za-z0-9+/_=\s-]*$/

function readBody(body: unknown, isBase64Encoded: unknown): Buffer {
  if (body === undefined || body === null) return Buffer.alloc(0)
  if (typeof body !== 'string') throw new MalformedResultError(`expected body to be a string, got ${shown(body)}`)
  if (isBase64Encoded !== true) return Buffer.from(body)
  if (!BASE64.test(body))
    throw new MalformedResultError(`expected body to be base64 as isBase64Encoded says, got ${shown(body)}`)
  return Buffer.from(body, 'base64')
}

/** Enough of a value to recognise it. */
function shown(value: unknown): string {
  const json = JSON.stringify(value)
  return json.length > 60 ? `${json.slice(0, 60)}…` : json
}
