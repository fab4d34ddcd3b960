/**
 * What operators and the command line may ask about events, on the management listener. Shapes: api/events-api.ts.
 *
 *   GET  /api/v1/event-log                                     whether Kafka, or whatever keeps the events, answers now
 *   GET  /api/v1/topics                                        {items}
 *   GET  /api/v1/topics/:topic/records?from=&follow=&max=      NDJSON of records
 *   GET  /api/v1/triggers/:namespace/:name/state               how a Trigger stands
 *   GET  /api/v1/functions/:namespace/:name/async/state        the same of a Function's asynchronous invocations
 *   GET  /api/v1/invocations/:id                               one invocation
 *   GET  /api/v1/dlq/:kind/:namespace/:name?…                  {items}; kind: trigger or function
 *   POST /api/v1/dlq/:kind/:namespace/:name/redrive|purge      {filter, ratePerSecond, dryRun, again} → {matched, moved, refused}
 */
import type { EventLogInfo, SubscriptionInfo, TriggerInfo } from '../../api/events-api.ts'
import { objectKey, type ObjectKey } from '../../api/names.ts'
import type { FeedFunction, FeedSubscription } from '../../api/protocol.ts'
import type { Consumption } from '../../events/consumption/consumption.ts'
import type { Engine } from '../../events/consumption/engine.ts'
import type { EventLog } from '../../events/event-log.ts'
import type { InvocationLedger } from '../../events/invocation-ledger.ts'
import { invocationInfo } from '../../events/payload.ts'
import { Replay, type ReplayOptions, type ReplayRequest } from '../../events/replay/replay.ts'
import { deadLetterTopic, type TopicOwner } from '../../events/topic-names.ts'
import type { Route, RouteAnswer, RouteRequest } from '../../lib/management-server.ts'
import { subscriptionOfFunction, subscriptionOfTrigger } from '../triggers/subscription.ts'
import { moveSchema, parseBody, parseFilter, RequestError, wholeNumber } from './filter.ts'
import { tailTopic } from './tail-topic.ts'
import { deadLetterView } from './views.ts'
import { errorText } from '../../lib/error-text.ts'

export interface EventRoutesOptions {
  log: EventLog
  /** Whether it answers now. */
  lookAtLog: () => Promise<EventLogInfo>
  ledger: InvocationLedger
  engine: Engine
  trigger: (key: string) => { feed: FeedSubscription; consumption: Consumption } | undefined
  invocations: () => Consumption | undefined
  functionOf: (key: ObjectKey) => FeedFunction | undefined
}

const DEFAULT_LIMIT = 100
type ReplayOwner = ReplayOptions['owner']
/** Of who is gone: nothing is replayed to it. */
const NO_RETRY: ReplayOwner['retry'] = { maxAttempts: 1, backoff: { initialMs: 0, factor: 1, maxMs: 0 } }

export function eventRoutes(options: EventRoutesOptions): Route[] {
  const routes = new EventRoutes(options)
  const list: Route[] = [
    { method: 'get', path: '/api/v1/event-log', handle: () => routes.eventLog() },
    { method: 'get', path: '/api/v1/topics', handle: () => routes.topics() },
    { method: 'get', path: '/api/v1/topics/:topic/records', handle: (request) => tailTopic(options.log, request) },
    {
      method: 'get',
      path: '/api/v1/triggers/:namespace/:name/state',
      handle: (request) => routes.triggerState(request),
    },
    {
      method: 'get',
      path: '/api/v1/functions/:namespace/:name/async/state',
      handle: (request) => routes.asyncState(request),
    },
    { method: 'get', path: '/api/v1/invocations/:id', handle: (request) => routes.invocation(request) },
    { method: 'get', path: '/api/v1/dlq/:kind/:namespace/:name', handle: (request) => routes.deadLetters(request) },
    {
      method: 'post',
      path: '/api/v1/dlq/:kind/:namespace/:name/redrive',
      handle: (request) => routes.redrive(request),
    },
    {
      method: 'post',
      path: '/api/v1/dlq/:kind/:namespace/:name/purge',
      handle: (request) => routes.purge(request),
    },
  ]
  return list.map(withProblems)
}

class EventRoutes {
  readonly #options: EventRoutesOptions

  constructor(options: EventRoutesOptions) {
    this.#options = options
  }

  async eventLog(): Promise<RouteAnswer> {
    return { json: await this.#options.lookAtLog() }
  }

  async topics(): Promise<RouteAnswer> {
    const { log } = this.#options
    const items = []
    for (const topic of await log.describe()) {
      const ends = await log.endOffsets(topic.topic)
      items.push({ ...topic, records: ends.reduce((sum, { begin, end }) => sum + end - begin, 0) })
    }
    return { json: { items: items.sort((a, b) => (a.topic < b.topic ? -1 : 1)) } }
  }

  async triggerState({ params }: RouteRequest): Promise<RouteAnswer> {
    const key = keyOf(params)
    const running = this.#options.trigger(key)
    const status = await running?.consumption.status(key)
    if (running === undefined || status === undefined)
      throw new RequestError(404, 'not-found', `there is no kafka or cron Trigger ${key}, or it is not followed yet`)
    const info: TriggerInfo = { ...status, subscription: running.feed }
    return { json: info }
  }

  async asyncState({ params }: RouteRequest): Promise<RouteAnswer> {
    const key = keyOf(params)
    const status: SubscriptionInfo | undefined = await this.#options.invocations()?.status(key)
    if (status === undefined) throw new RequestError(404, 'not-found', `there is no Function ${key}`)
    return { json: status }
  }

  async invocation({ params }: RouteRequest): Promise<RouteAnswer> {
    const { id = '' } = params
    const state = await this.#options.ledger.get(id)
    if (state === undefined)
      throw new RequestError(404, 'unknown-invocation', `there is no invocation ${id}, or it ended too long ago`)
    return { json: invocationInfo(state) }
  }

  async deadLetters({ params, query }: RouteRequest): Promise<RouteAnswer> {
    const { limit, ...filter } = query
    const most = wholeNumber('limit', limit, DEFAULT_LIMIT)
    const { filter: parsed } = parseBody(moveSchema, { filter })
    const letters = await this.#replay(await this.#ownerOrLetters(params)).list(parseFilter(parsed), most)
    return { json: { items: letters.map(deadLetterView) } }
  }

  async redrive(request: RouteRequest): Promise<RouteAnswer> {
    return { json: await this.#replay(this.#ownerOf(request.params)).redrive(asked(request)) }
  }

  async purge(request: RouteRequest): Promise<RouteAnswer> {
    return { json: await this.#replay(await this.#ownerOrLetters(request.params)).purge(asked(request)) }
  }

  #replay(owner: ReplayOwner): Replay {
    const { log, engine } = this.#options
    return new Replay({ log, clock: engine.clock, now: () => engine.wall.now(), owner })
  }

  /** Dead letters outlive their Trigger or Function: they can be looked at and purged still. */
  async #ownerOrLetters(params: Record<string, string>): Promise<ReplayOwner> {
    try {
      return this.#ownerOf(params)
    } catch (error) {
      const owner = { kind: kindOf(params), key: keyOf(params), retry: NO_RETRY }
      const [letters] = await this.#options.log.describe([deadLetterTopic(owner)])
      if (letters === undefined) throw error
      return owner
    }
  }

  #ownerOf(params: Record<string, string>): ReplayOwner {
    const key = keyOf(params)
    if (kindOf(params) === 'trigger') {
      const running = this.#options.trigger(key)
      if (running !== undefined) return subscriptionOfTrigger(running.feed)
      throw new RequestError(404, 'not-found', `there is no kafka or cron Trigger ${key}`)
    }
    const fn = this.#options.functionOf(key)
    const subscription = fn && subscriptionOfFunction(fn)
    if (subscription !== undefined) return subscription
    throw new RequestError(404, 'not-found', `there is no Function ${key}`)
  }
}

function asked({ body, signal }: RouteRequest): ReplayRequest {
  const { filter, ratePerSecond, dryRun, again } = parseBody(moveSchema, body)
  return {
    filter: parseFilter(filter),
    signal,
    ...(ratePerSecond !== undefined && { ratePerSecond }),
    ...(dryRun !== undefined && { dryRun }),
    ...(again !== undefined && { again }),
  }
}

function kindOf({ kind = '' }: Record<string, string>): TopicOwner['kind'] {
  if (kind === 'trigger') return 'trigger'
  if (kind === 'function') return 'async'
  throw new RequestError(404, 'not-found', `expected trigger or function, got ${kind}`)
}

function keyOf(params: Record<string, string>): ObjectKey {
  return objectKey(params['namespace'] ?? '', params['name'] ?? '')
}

function withProblems(route: Route): Route {
  return {
    ...route,
    async handle(request) {
      try {
        return await route.handle(request)
      } catch (error) {
        const message = errorText(error)
        if (!(error instanceof RequestError)) return { problem: { status: 500, code: 'internal', message } }
        return { problem: { status: error.status, code: error.code, message } }
      }
    },
  }
}
