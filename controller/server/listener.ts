/**
 * The controller's HTTP listener: a small table of routes, authentication before anything is read, errors as problem+json.
 * Owns no domain: what routes do is in routes.ts.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Logger } from '../../lib/logger.ts'
import { BodyError } from '../../lib/json-body.ts'
import { sendProblem } from './answer.ts'

export interface ServerRoute {
  method: 'GET' | 'POST'
  path: string
  /** Data planes are authenticated here; pods by the route, with the token of the pod they say they are. */
  caller: 'data-plane' | 'pod'
  handle(request: IncomingMessage, response: ServerResponse): Promise<void> | void
}

export interface ListenerOptions {
  routes: readonly ServerRoute[]
  /** Whether the request comes from one of our data planes. */
  authenticate: (request: IncomingMessage) => boolean | Promise<boolean>
  logger: Logger
  /** Undefined when data planes may be served, else why not yet. */
  notReady: () => string | undefined
}

/** Not yet listening: the caller binds it and owns its end. */
export function createListener(options: ListenerOptions): Server {
  const table = new Map<string, ServerRoute[]>()
  for (const route of options.routes) table.set(route.path, [...(table.get(route.path) ?? []), route])
  const server = createServer((request, response) => {
    respond(request, response, { ...options, table }).catch((error: unknown) => answerError(error, response, options))
  })
  server.headersTimeout = 10_000
  server.requestTimeout = 30_000
  // Above what data planes keep idle connections for: they close first, and no request meets a closing connection.
  server.keepAliveTimeout = 75_000
  return server
}

interface Listening extends ListenerOptions {
  table: ReadonlyMap<string, ServerRoute[]>
}

async function respond(request: IncomingMessage, response: ServerResponse, options: Listening): Promise<void> {
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
  const routes = options.table.get(path)
  const route = routes?.find(({ method }) => method === request.method)
  if (routes === undefined)
    return sendProblem(response, { status: 404, code: 'not-found', message: `there is no ${path} here` })
  if (route === undefined) return sendMethodNotAllowed(request, response, routes)
  if (route.caller === 'data-plane' && !(await options.authenticate(request))) return sendUnauthorized(response)
  const reason = route.caller === 'data-plane' ? options.notReady() : undefined
  if (reason !== undefined)
    return sendProblem(response, { status: 503, code: 'not-ready', message: reason }, { 'retry-after': '1' })
  await route.handle(request, response)
}

function sendMethodNotAllowed(request: IncomingMessage, response: ServerResponse, routes: ServerRoute[]): void {
  const allow = routes.map(({ method }) => method).join(', ')
  const message = `expected ${allow}, got ${request.method ?? 'no method'}`
  sendProblem(response, { status: 405, code: 'method-not-allowed', message }, { allow })
}

export function sendUnauthorized(response: ServerResponse, message = 'a valid bearer token is required'): void {
  sendProblem(response, { status: 401, code: 'unauthorized', message }, { 'www-authenticate': 'Bearer' })
}

function answerError(error: unknown, response: ServerResponse, { logger }: ListenerOptions): void {
  if (error instanceof BodyError)
    return sendProblem(
      response,
      { status: error.status, code: error.code, message: error.message },
      // The rest of the body is not read: the connection cannot carry another request.
      error.code === 'too-large' ? { connection: 'close' } : {},
    )
  logger.error('a request could not be answered', { error })
  sendProblem(response, { status: 500, code: 'internal', message: 'the controller could not answer; its log says why' })
}

/** The bearer token of a request; undefined when there is none. */
export function bearerToken(request: IncomingMessage): string | undefined {
  return /^Bearer +([^\s]+)$/i.exec(request.headers.authorization ?? '')?.[1]
}
