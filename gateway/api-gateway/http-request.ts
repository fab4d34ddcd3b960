/** What the events of both payload formats have in common: the request they are made of, and how it is read. Pure. */
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

const ACCOUNT_ID = '000000000000'
export const DEFAULT = '$default'

export function splitTarget(target: string): { rawPath: string; rawQueryString: string } {
  const query = target.indexOf('?')
  if (query === -1) return { rawPath: target, rawQueryString: '' }
  return { rawPath: target.slice(0, query), rawQueryString: target.slice(query + 1) }
}

export interface ApiContext {
  accountId: string
  /** The Trigger's name. */
  apiId: string
  domainName: string
  domainPrefix: string
}

/** Which API was asked, by the request's `host`. */
export function apiContext({ trigger }: HttpRequest['route'], host = ''): ApiContext {
  const domainName = hostName(host)
  const apiId = trigger.slice(trigger.indexOf('/') + 1)
  return { accountId: ACCOUNT_ID, apiId, domainName, domainPrefix: domainName.split('.', 1)[0] ?? '' }
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

/** Those that functions see, one after the other. */
export function* seenHeaders(raw: readonly string[]): Generator<{ name: string; lower: string; value: string }> {
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string
    const lower = name.toLowerCase()
    if (!HOP_BY_HOP.has(lower) && !lower.startsWith(HEADER_PREFIX)) yield { name, lower, value: raw[i + 1] as string }
  }
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `12/Mar/2020:19:03:58 +0000` */
export function commonLogTime(epochMs: number): string {
  const date = new Date(epochMs)
  const day = String(date.getUTCDate()).padStart(2, '0')
  return `${day}/${MONTHS[date.getUTCMonth()]}/${date.getUTCFullYear()}:${date.toISOString().slice(11, 19)} +0000`
}
