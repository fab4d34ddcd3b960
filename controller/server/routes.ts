/** What pods and data planes may ask of the controller; messages are checked here and trusted inside. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { z } from 'zod'
import { activationRequestSchema, loadReportSchema, phoneHomeSchema } from '../../api/protocol.ts'
import type { Clock } from '../../lib/clock.ts'
import { BodyError, readJson } from '../../lib/json-body.ts'
import type { Counter, Metrics } from '../../lib/metrics.ts'
import type { Activations } from '../activation/activations.ts'
import type { Feed } from '../feed/feed.ts'
import { streamFeed } from '../feed/feed-stream.ts'
import type { LoadBook } from '../feed/load-book.ts'
import type { PodFleet } from '../fleet/pod-fleet.ts'
import { bearerToken, sendUnauthorized, type ServerRoute } from './listener.ts'
import { sendJson, sendProblem } from './answer.ts'

export interface RoutesOptions {
  fleet: Pick<PodFleet, 'calledHome'>
  feed: Feed
  load: LoadBook
  activations: Activations
  clock: Clock
  metrics: Metrics
  limits: ServerLimits
}

export interface ServerLimits {
  phoneHomeBytes: number
  activationBytes: number
  /** A report names every awake function and pod. */
  loadBytes: number
  /** Unread bytes, beyond the snapshot, at which a feed consumer is cut. */
  feedBufferBytes: number
}

export const DEFAULT_SERVER_LIMITS: ServerLimits = {
  phoneHomeBytes: 4 << 10,
  activationBytes: 16 << 10,
  loadBytes: 16 << 20,
  feedBufferBytes: 8 << 20,
}

export function createRoutes(options: RoutesOptions): ServerRoute[] {
  const refusals = options.metrics.counter({
    name: 'dormouse_controller_phone_home_refused_total',
    help: 'Calls of pods that were not believed, by reason.',
    labels: ['reason'],
  })
  const cuts = options.metrics.counter({
    name: 'dormouse_controller_feed_cut_total',
    help: 'Feed consumers that did not keep up and were disconnected.',
  })
  return [
    {
      method: 'POST',
      path: '/v1/pods',
      caller: 'pod',
      handle: (request, response) => phoneHome(request, response, { ...options, refusals }),
    },
    {
      method: 'GET',
      path: '/v1/feed',
      caller: 'data-plane',
      handle: (_request, response) => feed(response, { ...options, cuts }),
    },
    {
      method: 'POST',
      path: '/v1/activations',
      caller: 'data-plane',
      handle: (request, response) => activate(request, response, options),
    },
    {
      method: 'POST',
      path: '/v1/load',
      caller: 'data-plane',
      handle: (request, response) => takeLoad(request, response, options),
    },
  ]
}

async function phoneHome(
  request: IncomingMessage,
  response: ServerResponse,
  { fleet, limits, refusals }: RoutesOptions & { refusals: Counter<'reason'> },
): Promise<void> {
  const token = bearerToken(request)
  if (token === undefined) return sendUnauthorized(response, 'a pod says that it is up with its own bearer token')
  const message = await parseBody(request, phoneHomeSchema, limits.phoneHomeBytes)
  const verdict = fleet.calledHome({ message, token, remoteAddress: request.socket.remoteAddress ?? '' })
  if (verdict.kind === 'believed') return void response.writeHead(204).end()
  refusals.inc({ reason: verdict.code })
  sendProblem(response, verdict)
}

function feed(response: ServerResponse, { feed, clock, limits, cuts }: RoutesOptions & { cuts: Counter }): void {
  const onCut = () => cuts.inc()
  streamFeed({ feed, response, limitBytes: limits.feedBufferBytes, now: () => clock.now(), onCut })
}

async function activate(
  request: IncomingMessage,
  response: ServerResponse,
  { activations, limits }: RoutesOptions,
): Promise<void> {
  const asked = await parseBody(request, activationRequestSchema, limits.activationBytes)
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  const answer = await activations.activate(asked, gone.signal)
  if (answer === undefined)
    return sendProblem(response, { status: 503, code: 'not-ready', message: 'the controller is stopping' })
  const unknown = answer.outcome === 'failed' && answer.code === 'unknown-function'
  sendJson(response, unknown ? 404 : 200, answer)
}

async function takeLoad(
  request: IncomingMessage,
  response: ServerResponse,
  { load, limits }: RoutesOptions,
): Promise<void> {
  load.put(await parseBody(request, loadReportSchema, limits.loadBytes))
  response.writeHead(204).end()
}

/** Throws BodyError: 413, 400 for what is not JSON or not the message. */
async function parseBody<T>(request: IncomingMessage, schema: z.ZodType<T>, limitBytes: number): Promise<T> {
  const parsed = schema.safeParse(await readJson(request, limitBytes))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const where = issue?.path.join('.') ?? ''
  throw new BodyError(
    'not-json',
    400,
    `the message is not as expected at ${where || 'its top'}: ${issue?.message ?? ''}`,
  )
}
