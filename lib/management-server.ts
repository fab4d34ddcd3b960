/**
 * The operators' listener: health, readiness, metrics, and whatever JSON routes a process mounts. The only file that knows Express.
 * Off the hot path by design: nothing users of functions call comes through here.
 */
import express, { type NextFunction, type Request, type Response } from 'express'
import { createServer, type Server } from 'node:http'
import type { Metrics } from './metrics.ts'
import { problemJson, PROBLEM_TYPE, type Problem } from './problem.ts'
import { errorText } from './error-text.ts'
import { hostOfOrigin } from './web-origin.ts'

export interface RouteRequest {
  params: Record<string, string>
  query: Record<string, string>
  body: unknown
  /** Aborts when the client goes away. */
  signal: AbortSignal
}

/** `stream` answers are written line by line as they come; the connection stays open until the iterator ends. */
export type RouteAnswer =
  | { status?: number; json: unknown }
  | { status?: number; text: string; contentType?: string }
  | { stream: AsyncIterable<string>; contentType?: string }
  | { problem: Problem }

export interface Route {
  method: 'get' | 'post' | 'put' | 'delete'
  /** Express 5 path: `/api/v1/functions/:namespace/:name`. */
  path: string
  handle(request: RouteRequest): Promise<RouteAnswer> | RouteAnswer
}

export interface ManagementOptions {
  metrics: Metrics
  /** Readiness: undefined when ready, else the reason. */
  notReady: () => string | undefined
  routes?: readonly Route[]
  /** Turns an error of a route into status and problem body; default 500. */
  toProblem?: (error: unknown) => Problem
  /** The listener is on loopback: a Host that names anything else is a web page's attempt to reach it by DNS rebinding. */
  loopbackOnly?: boolean
}

const LOOPBACK_HOST = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i

/** Not yet listening: the caller binds it (see lib/listen.ts) and owns its end. */
export function createManagementServer(options: ManagementOptions): Server {
  const app = express()
  app.disable('x-powered-by')
  app.set('etag', false)
  if (options.loopbackOnly === true) app.use(refuseForeignHosts)
  app.use(refuseOtherSites)
  app.use(express.json({ limit: '32mb', type: ['application/json', 'application/*+json'] }))
  app.get('/healthz', (_request, response) => void response.type('text/plain').send('ok\n'))
  app.get('/readyz', (_request, response) => {
    const reason = options.notReady()
    response
      .status(reason === undefined ? 200 : 503)
      .type('text/plain')
      .send(`${reason ?? 'ok'}\n`)
  })
  app.get('/metrics', async (_request, response) => {
    const { registry } = options.metrics
    response.setHeader('content-type', registry.contentType)
    response.end(await registry.metrics())
  })
  for (const route of options.routes ?? []) {
    app[route.method](route.path, (request, response) => run(route, request, response))
  }
  app.use((request, response) =>
    sendProblem(response, {
      status: 404,
      code: 'not-found',
      message: `there is no ${request.method} ${request.path} here`,
    }),
  )
  // eslint-disable-next-line max-params -- Express tells error handlers by their four parameters
  app.use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) return next(error)
    sendProblem(response, refusedByParser(error) ?? options.toProblem?.(error) ?? defaultProblem(error))
  })
  return createServer(app)
}

function refuseForeignHosts({ headers: { host = '' } }: Request, response: Response, next: NextFunction): void {
  if (LOOPBACK_HOST.test(host)) return next()
  const message = `expected a loopback Host such as localhost, got ${JSON.stringify(host)}`
  sendProblem(response, { status: 403, code: 'foreign-host', message })
}

/** A page that an operator has open may send what needs no leave of ours, a POST of text for one; browsers say then where it comes from. */
function refuseOtherSites({ method, headers }: Request, response: Response, next: NextFunction): void {
  const { origin, host } = headers
  const isForeign =
    headers['sec-fetch-site'] === 'cross-site' || (origin !== undefined && hostOfOrigin(origin) !== host)
  if (method === 'GET' || method === 'HEAD' || !isForeign) return next()
  const message = `expected no request from a page of another site, got one from ${JSON.stringify(origin ?? 'another site')}`
  sendProblem(response, { status: 403, code: 'foreign-origin', message })
}

async function run(route: Route, request: Request, response: Response): Promise<void> {
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  const answer = await route.handle({
    params: strings(request.params),
    query: strings(request.query),
    body: request.body,
    signal: gone.signal,
  })
  if ('stream' in answer) return stream(response, answer)
  if ('problem' in answer) return sendProblem(response, answer.problem)
  response.status(answer.status ?? 200)
  if ('json' in answer) response.json(answer.json)
  else response.type(answer.contentType ?? 'text/plain').send(answer.text)
}

async function stream(
  response: Response,
  answer: { stream: AsyncIterable<string>; contentType?: string },
): Promise<void> {
  response.status(200).type(answer.contentType ?? 'application/x-ndjson')
  response.flushHeaders()
  for await (const chunk of answer.stream) {
    if (response.destroyed) break
    if (!response.write(chunk)) await drained(response)
  }
  response.end()
}

function drained(response: Response): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}

function strings(values: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Array.isArray(value) ? value.join('/') : String(value)]),
  )
}

/** A body that is not JSON, is too large, or breaks off: refused before any route saw it. */
function refusedByParser(error: unknown): Problem | undefined {
  if (!(error instanceof Error) || !('expose' in error) || error.expose !== true) return undefined
  const status = 'status' in error && typeof error.status === 'number' ? error.status : 400
  const code = status === 413 ? 'payload-too-large' : 'bad-request'
  return { status, code, message: `the request body cannot be read: ${error.message}` }
}

function defaultProblem(error: unknown): Problem {
  const status = error instanceof Error && 'status' in error && typeof error.status === 'number' ? error.status : 500
  return {
    status,
    code: status < 500 ? 'bad-request' : 'internal',
    message: errorText(error),
  }
}

function sendProblem(response: Response, problem: Problem): void {
  response.status(problem.status).type(PROBLEM_TYPE).send(problemJson(problem))
}
