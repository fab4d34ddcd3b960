/**
 * An HTTP request as the event that API Gateway's HTTP APIs give to Lambda, payload format 2.0, for `event` functions behind an http
 * Trigger. Pure. Like API Gateway with a $default route, it has no path parameters and no stage variables.
 */
import { isUtf8 } from 'node:buffer'
import {
  apiContext,
  commonLogTime,
  DEFAULT,
  seenHeaders,
  splitTarget,
  type ApiContext,
  type HttpRequest,
} from './http-request.ts'

export interface ApiGatewayEvent {
  version: '2.0'
  routeKey: string
  /** Still percent-encoded. */
  rawPath: string
  /** Without `?`; empty when there is none. */
  rawQueryString: string
  cookies?: string[]
  /** Lower-case names; repeated headers joined with commas; cookies are in `cookies` only. */
  headers: Record<string, string>
  /** Decoded; repeated parameters joined with commas. */
  queryStringParameters?: Record<string, string>
  requestContext: ApiContext & {
    http: { method: string; path: string; protocol: string; sourceIp: string; userAgent: string }
    requestId: string
    routeKey: string
    stage: string
    /** `12/Mar/2020:19:03:58 +0000` */
    time: string
    timeEpoch: number
  }
  body?: string
  isBase64Encoded: boolean
}

export function toApiGatewayEvent(request: HttpRequest): ApiGatewayEvent {
  const { rawPath, rawQueryString } = splitTarget(request.rawTarget)
  const { headers, cookies } = readHeaders(request.rawHeaders)
  const query = readQuery(rawQueryString)
  return {
    version: '2.0',
    routeKey: DEFAULT,
    rawPath,
    rawQueryString,
    ...(cookies.length > 0 && { cookies }),
    headers,
    ...(query && { queryStringParameters: query }),
    requestContext: requestContext(request, headers, rawPath),
    ...bodyOf(request.body, headers),
  }
}

function requestContext(
  request: HttpRequest,
  headers: Record<string, string>,
  path: string,
): ApiGatewayEvent['requestContext'] {
  return {
    ...apiContext(request.route, headers['host']),
    http: {
      method: request.method,
      path,
      protocol: request.protocol ?? 'HTTP/1.1',
      sourceIp: request.sourceIp,
      userAgent: headers['user-agent'] ?? '',
    },
    requestId: request.requestId,
    routeKey: DEFAULT,
    stage: DEFAULT,
    time: commonLogTime(request.now),
    timeEpoch: request.now,
  }
}

/** Names such as `__proto__` are ordinary here: entries become own properties. */
function readHeaders(raw: readonly string[]): { headers: Record<string, string>; cookies: string[] } {
  const headers = new Map<string, string>()
  const cookies: string[] = []
  for (const { lower, value } of seenHeaders(raw)) {
    if (lower === 'cookie') cookies.push(...cookiesIn(value))
    else append(headers, lower, value)
  }
  return { headers: Object.fromEntries(headers), cookies }
}

function cookiesIn(header: string): string[] {
  const cookies = header.split(';').map((cookie) => cookie.trim())
  return cookies.filter((cookie) => cookie !== '')
}

function readQuery(rawQueryString: string): Record<string, string> | undefined {
  if (rawQueryString === '') return undefined
  const parameters = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(rawQueryString)) append(parameters, name, value)
  return parameters.size > 0 ? Object.fromEntries(parameters) : undefined
}

function append(map: Map<string, string>, name: string, value: string): void {
  const before = map.get(name)
  map.set(name, before === undefined ? value : `${before},${value}`)
}

/** What API Gateway passes on as text; everything else, forms and bodies without a type included, is base64. */
const TEXT = /^(text\/.*|application\/(json|javascript|xml|.*\+json|.*\+xml))$/

function bodyOf(body: Buffer, headers: Record<string, string>): { body?: string; isBase64Encoded: boolean } {
  if (body.length === 0) return { isBase64Encoded: false }
  const type = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
  // Compressed or otherwise encoded text, and text in other encodings, would be destroyed as a string.
  const text = TEXT.test(type) && (headers['content-encoding'] ?? 'identity') === 'identity' && isUtf8(body)
  return text
    ? { body: body.toString(), isBase64Encoded: false }
    : { body: body.toString('base64'), isBase64Encoded: true }
}
