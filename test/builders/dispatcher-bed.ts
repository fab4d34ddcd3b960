/** A dispatcher on a real log, SQLite where nothing else is said, with a fake controller and fake pods on loopback, in real time; `stop` ends every one of them. */
import { isDeepStrictEqual } from 'node:util'
import type { FeedFunction, FeedSubscription } from '../../api/protocol.ts'
import { createDispatcher, type Dispatcher, type DispatcherOptions } from '../../dispatcher/dispatcher.ts'
import type { EventLog, LogRecord, NewRecord } from '../../events/event-log.ts'
import type { InvocationLedger } from '../../events/invocation-ledger.ts'
import { readToEnd } from '../../events/read-topic.ts'
import { silentLogger } from '../../lib/logger.ts'
import type { RouteAnswer } from '../../lib/management-server.ts'
import { createMetrics } from '../../lib/metrics.ts'
import { Router } from '../../routing/router.ts'
import { FakeController, FAKE_TOKEN } from '../fakes/fake-controller.ts'
import { FakePod, type FakePodOptions } from '../fakes/fake-pod.ts'
import { openSqlite, type OpenedLog, type OpenLog } from './both-logs.ts'
import { headers } from './delivery.ts'
import { until } from './eventually.ts'
import { feedFunction } from './feed.ts'

export interface DispatcherBedOptions {
  fn?: Partial<FeedFunction>
  limits?: DispatcherOptions['limits']
  waitLimitMs?: number
  destinationsOnLoopback?: boolean
  /** Puts something between the dispatcher and its log. */
  through?: (log: EventLog) => EventLog
  /** Default: SQLite. */
  open?: OpenLog
}

export class DispatcherBed {
  readonly controller: FakeController
  readonly router: Router
  readonly log: EventLog
  readonly ledger: InvocationLedger
  readonly metrics = createMetrics()
  readonly pods: FakePod[] = []
  dispatcher: Dispatcher
  readonly #options: DispatcherBedOptions
  readonly #opened: OpenedLog

  constructor(controller: FakeController, opened: OpenedLog, options: DispatcherBedOptions) {
    this.controller = controller
    this.#options = options
    this.#opened = opened
    this.log = opened.log
    this.ledger = opened.ledger
    this.router = new Router({
      ...{ controllerUrls: [controller.url], token: () => FAKE_TOKEN, reporter: 'bed', logger: silentLogger },
      loadIntervalMs: 50,
      ...(options.waitLimitMs !== undefined && { waitLimitMs: options.waitLimitMs }),
    })
    this.dispatcher = this.#create()
  }

  /** One function `default/hello`, signature event, asleep. */
  static async start(options: DispatcherBedOptions = {}): Promise<DispatcherBed> {
    const controller = await FakeController.start()
    controller.setFunctions(feedFunction({ signature: 'event', ...options.fn }))
    const bed = new DispatcherBed(controller, await (options.open ?? openSqlite)(), options)
    bed.router.start()
    await until(() => bed.router.feed.ready)
    bed.dispatcher.start()
    return bed
  }

  #create(): Dispatcher {
    const { limits, through, destinationsOnLoopback = true } = this.#options
    const log = through?.(this.log) ?? this.log
    const options = { router: this.router, log, ledger: this.ledger, logger: silentLogger, metrics: this.metrics }
    return createDispatcher({ ...options, destinationsOnLoopback, ...(limits && { limits }) })
  }

  async pod(options: FakePodOptions = {}): Promise<FakePod> {
    const pod = await FakePod.start(options)
    this.pods.push(pod)
    this.controller.addEndpoints(pod.endpoint)
    await until(() => [...this.router.lanes()].some((lane) => lane.pods().some((p) => p.endpoint.id === pod.id)))
    return pod
  }

  async follow(...subscriptions: FeedSubscription[]): Promise<void> {
    this.controller.setSubscriptions(...subscriptions)
    await until(() => isDeepStrictEqual(this.router.snapshot.subscriptions, subscriptions))
  }

  send(...records: (Partial<Omit<NewRecord, 'value' | 'key' | 'headers'>> & Texts)[]): Promise<unknown> {
    return this.log.send(
      records.map(({ value = '{}', key = null, headers: texts = {}, ...rest }) => ({
        topic: 'orders',
        ...rest,
        key: key === null ? null : Buffer.from(key),
        value: value === null ? null : Buffer.from(value),
        headers: headers(texts),
      })),
    )
  }

  async read(topic: string): Promise<LogRecord[]> {
    const records: LogRecord[] = []
    const group = `read-${Math.random()}`
    await readToEnd({ log: this.log, topics: [topic], group, onRecords: (batch) => void records.push(...batch) })
    return records
  }

  /** Asks a management route; throws its problem. */
  async ask(method: 'get' | 'post', url: string, body?: unknown): Promise<unknown> {
    const answer = await this.answer(method, url, { body })
    if ('problem' in answer) throw Object.assign(new Error(answer.problem.message), answer.problem)
    if ('json' in answer) return answer.json
    if (!('stream' in answer)) throw new Error('expected JSON or a stream')
    const lines: unknown[] = []
    for await (const line of answer.stream) lines.push(JSON.parse(line))
    return lines
  }

  async answer(
    method: 'get' | 'post',
    url: string,
    { body, signal = new AbortController().signal }: { body?: unknown; signal?: AbortSignal } = {},
  ): Promise<RouteAnswer> {
    const { pathname, searchParams } = new URL(url, 'http://bed')
    for (const route of this.dispatcher.routes()) {
      const params = route.method === method ? match(route.path, pathname) : undefined
      if (params === undefined) continue
      const query = Object.fromEntries(searchParams)
      return route.handle({ params, query, body, signal })
    }
    throw new Error(`there is no route ${method} ${pathname}`)
  }

  async metric(name: string): Promise<string[]> {
    const text = await this.metrics.registry.metrics()
    return text.split('\n').filter((line) => line.startsWith(`dormouse_dispatcher_${name}`))
  }

  async stop(): Promise<void> {
    await this.dispatcher.stop(0)
    await this.router.stop()
    await this.#opened.close()
    await Promise.all([this.controller, ...this.pods].map((each) => each.stop()))
  }
}

interface Texts {
  value?: string | Buffer | null
  key?: string | Buffer | null
  headers?: Record<string, string>
}

function match(path: string, pathname: string): Record<string, string> | undefined {
  const wanted = path.split('/')
  const parts = pathname.split('/')
  if (wanted.length !== parts.length) return undefined
  const params: Record<string, string> = {}
  for (const [index, part] of wanted.entries()) {
    if (part.startsWith(':')) params[part.slice(1)] = decodeURIComponent(parts[index]!)
    else if (part !== parts[index]) return undefined
  }
  return params
}
