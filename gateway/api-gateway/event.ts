/**
 * An HTTP request as the event that API Gateway's HTTP APIs give to Lambda, payload format 2.0, for `event` functions behind an http
 * Trigger. Pure. Like API Gateway with a $default route, it has no path parameters and no stage variables.
 */
import { isUtf8 } from 'node:buffer'
import { HEADER_PREFIX, type ObjectKey } from '../../api/names.ts'
import { hostName } from '../routes/match.ts'

export interface HttpRequest {
  method: string
  /** Path and query as the function shall see them (RouteMatch.functionPath). */
  rawTarget: string
  /** As node has them: name, value, … */
  rawHeaders: readonly string[]
  body: Buffer
  sourceIp: string
  requestId: string
  /** Epoch ms of arrival. */
  now: number
  route: { trigger: ObjectKey }
  /** Default `HTTP/1.1`. */
  protocol?: string
}

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
  requestContext: {
    accountId: string
    apiId: string
    domainName: string
    domainPrefix: string
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

const ACCOUNT_ID = '000000000000'
const DEFAULT = '$default'

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

function splitTarget(target: string): { rawPath: string; rawQueryString: string } {
  const query = target.indexOf('?')
  if (query === -1) return { rawPath: target, rawQueryString: '' }
  return { rawPath: target.slice(0, query), rawQueryString: target.slice(query + 1) }
}

function requestContext(
  request: HttpRequest,
  headers: Record<string, string>,
  path: string,
): ApiGatewayEvent['requestContext'] {
  const domainName = hostName(headers['host'] ?? '')
  return {
    accountId: ACCOUNT_ID,
    apiId: request.route.trigger.slice(request.route.trigger.indexOf('/') + 1),
    domainName,
    domainPrefix: domainName.split('.', 1)[0] ?? '',
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

/** Headers about the connection, not the request (RFC 9110 §7.6.1). */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Names such as `__proto__` are ordinary here: entries become own properties. */
function readHeaders(raw: readonly string[]): { headers: Record<string, string>; cookies: string[] } {
  const headers = new Map<string, string>()
  const cookies: string[] = []
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase()
    const value = raw[i + 1] as string
    if (name === 'cookie') cookies.push(...cookiesIn(value))
    else if (!HOP_BY_HOP.has(name) && !name.startsWith(HEADER_PREFIX)) append(headers, name, value)
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

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

function commonLogTime(epochMs: number): string {
  const date = new Date(epochMs)
  const day = String(date.getUTCDate()).padStart(2, '0')
  return `${day}/${MONTHS[date.getUTCMonth()]}/${date.getUTCFullYear()}:${date.toISOString().slice(11, 19)} +0000`
}
