/**
 * An HTTP request as the event of payload format 1.0, which API Gateway's REST APIs give to Lambda, and HTTP APIs on request. Pure. Names of
 * headers are the client's, as REST APIs pass them on; a body is text where it is UTF-8, so that forms need no decoding.
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

type Lists = Record<string, string[]>
type Lasts = Record<string, string>

export interface ApiGatewayEventV1 {
  version: '1.0'
  resource: string
  /** Still percent-encoded. */
  path: string
  httpMethod: string
  /** Of repeated ones the last. */
  headers: Lasts
  multiValueHeaders: Lists
  /** Decoded; of repeated ones the last. */
  queryStringParameters: Lasts | null
  multiValueQueryStringParameters: Lists | null
  pathParameters: null
  stageVariables: null
  requestContext: RequestContextV1
  body: string | null
  isBase64Encoded: boolean
}

interface RequestContextV1 extends ApiContext {
  authorizer: null
  extendedRequestId: string
  httpMethod: string
  identity: { sourceIp: string; userAgent: string } & Record<(typeof UNKNOWN)[number], null>
  path: string
  protocol: string
  requestId: string
  requestTime: string
  requestTimeEpoch: number
  resourceId: null
  resourcePath: string
  stage: string
}

/** Of callers with an AWS identity. */
const UNKNOWN = [
  ...([
    'accessKey',
    'accountId',
    'apiKey',
    'apiKeyId',
    'caller',
    'clientCert',
    'cognitoAuthenticationProvider',
  ] as const),
  ...(['cognitoAuthenticationType', 'cognitoIdentityId', 'cognitoIdentityPoolId', 'principalOrgId', 'user'] as const),
  'userArn' as const,
]
const NOBODY = Object.fromEntries(UNKNOWN.map((name) => [name, null])) as Record<(typeof UNKNOWN)[number], null>

export function toApiGatewayEventV1(request: HttpRequest): ApiGatewayEventV1 {
  const { rawPath, rawQueryString } = splitTarget(request.rawTarget)
  const headers = readHeaders(request.rawHeaders)
  const query = readQuery(rawQueryString)
  return {
    version: '1.0',
    resource: DEFAULT,
    path: rawPath,
    httpMethod: request.method,
    headers: lastsOf(headers),
    multiValueHeaders: listsOf(headers),
    queryStringParameters: query.size === 0 ? null : lastsOf(query),
    multiValueQueryStringParameters: query.size === 0 ? null : listsOf(query),
    pathParameters: null,
    stageVariables: null,
    requestContext: requestContext(request, headers, rawPath),
    ...bodyOf(request.body),
  }
}

interface Named {
  /** As it came first. */
  name: string
  values: string[]
}

/** By lower-case name. */
function readHeaders(raw: readonly string[]): Map<string, Named> {
  const headers = new Map<string, Named>()
  for (const { name, lower, value } of seenHeaders(raw)) add(headers, lower, { name, value })
  return headers
}

function readQuery(rawQueryString: string): Map<string, Named> {
  const parameters = new Map<string, Named>()
  for (const [name, value] of new URLSearchParams(rawQueryString)) add(parameters, name, { name, value })
  return parameters
}

function add(to: Map<string, Named>, key: string, { name, value }: { name: string; value: string }): void {
  const known = to.get(key)
  if (known === undefined) to.set(key, { name, values: [value] })
  else known.values.push(value)
}

const lastsOf = (all: Map<string, Named>): Lasts =>
  Object.fromEntries([...all.values()].map(({ name, values }) => [name, values.at(-1) ?? '']))
const listsOf = (all: Map<string, Named>): Lists =>
  Object.fromEntries([...all.values()].map(({ name, values }) => [name, values]))

function requestContext(request: HttpRequest, headers: Map<string, Named>, path: string): RequestContextV1 {
  const { method, protocol = 'HTTP/1.1', requestId, route, sourceIp, now } = request
  const userAgent = headers.get('user-agent')?.values.at(-1) ?? ''
  return {
    ...apiContext(route, headers.get('host')?.values.at(-1)),
    authorizer: null,
    extendedRequestId: requestId,
    httpMethod: method,
    identity: { ...NOBODY, sourceIp, userAgent },
    path,
    protocol,
    requestId,
    requestTime: commonLogTime(now),
    requestTimeEpoch: now,
    resourceId: null,
    resourcePath: DEFAULT,
    stage: DEFAULT,
  }
}

function bodyOf(body: Buffer): { body: string | null; isBase64Encoded: boolean } {
  if (body.length === 0) return { body: null, isBase64Encoded: false }
  return isUtf8(body)
    ? { body: body.toString(), isBase64Encoded: false }
    : { body: body.toString('base64'), isBase64Encoded: true }
}
