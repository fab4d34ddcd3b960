/**
 * Cross-origin resource sharing as a route declares it: answers preflights without waking the function, and says which headers an answer
 * gets. The route is the authority: what the function says about it is replaced. Pure; header lists are flat: name, value, …
 */
import type { FeedRoute } from '../../api/protocol.ts'

type Cors = NonNullable<FeedRoute['cors']>

export interface PreflightRequest {
  origin: string
  /** Access-Control-Request-Method: match the route with this method, not with OPTIONS. */
  method: string
  /** Access-Control-Request-Headers as it came. */
  headers: string | undefined
}

/** The preflight in a request; undefined when it is none. `rawHeaders` as node has them: name, value, … */
export function readPreflight(method: string, rawHeaders: readonly string[]): PreflightRequest | undefined {
  if (method !== 'OPTIONS') return undefined
  const origin = headerOf(rawHeaders, 'origin')
  const asked = headerOf(rawHeaders, 'access-control-request-method')
  if (origin === undefined || asked === undefined) return undefined
  return { origin, method: asked, headers: headerOf(rawHeaders, 'access-control-request-headers') }
}

/** First value of a header; names are compared without case. */
export function headerOf(rawHeaders: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const candidate = rawHeaders[i] as string
    if (candidate.length === name.length && candidate.toLowerCase() === name) return rawHeaders[i + 1]
  }
  return undefined
}

/** Headers of the 204 that answers a preflight. An origin that may not call gets none that would let it. */
export function preflightHeaders(
  route: Pick<FeedRoute, 'methods'> & { cors: Cors },
  asked: PreflightRequest,
): string[] {
  const { cors } = route
  const vary = ['vary', 'origin, access-control-request-method, access-control-request-headers']
  const origin = allowedOrigin(cors, asked.origin)
  if (origin === undefined) return vary
  const headers = [...vary, ...originHeaders(cors, origin)]
  headers.push('access-control-allow-methods', allowedMethods(route, asked.method))
  const allowHeaders = allowedHeaders(cors, asked.headers)
  if (allowHeaders !== undefined) headers.push('access-control-allow-headers', allowHeaders)
  headers.push('access-control-max-age', String(cors.maxAgeSeconds))
  return headers
}

/** Headers to add to the answer of a route with cors. `vary` adds to what the answer has; the rest replaces it (see isCorsHeader). */
export function corsHeaders(cors: Cors, requestOrigin: string | undefined): string[] {
  const headers = cors.allowOrigins.includes('*') ? [] : ['vary', 'origin']
  const origin = requestOrigin === undefined ? undefined : allowedOrigin(cors, requestOrigin)
  if (origin === undefined) return headers
  headers.push(...originHeaders(cors, origin))
  if (cors.exposeHeaders.length > 0) headers.push('access-control-expose-headers', cors.exposeHeaders.join(', '))
  return headers
}

/** Whether a header of the function's answer must be dropped because the route decides on it. `name` in lower case. */
export function isCorsHeader(name: string): boolean {
  return name.startsWith('access-control-')
}

function allowedOrigin(cors: Cors, origin: string): string | undefined {
  if (cors.allowOrigins.includes('*')) return '*'
  return cors.allowOrigins.includes(origin) ? origin : undefined
}

/** Browsers refuse `*` with credentials, and so does the Trigger's schema. */
function originHeaders(cors: Cors, origin: string): string[] {
  const headers = ['access-control-allow-origin', origin]
  if (cors.allowCredentials && origin !== '*') headers.push('access-control-allow-credentials', 'true')
  return headers
}

/** What is asked for is named in place of `*`, which browsers do not take with credentials. */
function allowedMethods({ cors, methods }: Pick<FeedRoute, 'methods'> & { cors: Cors }, asked: string): string {
  const allowed = cors.allowMethods.length > 0 ? cors.allowMethods : methods
  return allowed.length === 0 || allowed.includes('*') ? asked : allowed.join(', ')
}

function allowedHeaders(cors: Cors, asked: string | undefined): string | undefined {
  if (cors.allowHeaders.length === 0 || cors.allowHeaders.includes('*')) return asked
  return cors.allowHeaders.join(', ')
}
