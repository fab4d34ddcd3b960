/** The controller's side of api/protocol.ts for data planes, scriptable: feed, activations, load. One replica each. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type {
  ActivationAnswer,
  ActivationRequest,
  FeedEndpoint,
  FeedFunction,
  FeedMessage,
  FeedRoute,
  FeedSubscription,
  LoadReport,
} from '../../api/protocol.ts'
import type { ObjectKey } from '../../api/names.ts'

export const FAKE_TOKEN = 'data-plane-token'

export type ActivationScript = (request: ActivationRequest) => ActivationAnswer | Promise<ActivationAnswer>

export class FakeController {
  readonly activations: ActivationRequest[] = []
  readonly reports: LoadReport[] = []
  /** How activations are answered; by default everything is at capacity. */
  onActivation: ActivationScript = () => ({ outcome: 'at-capacity' })
  #frozen: { until: Promise<void>; thaw: () => void } | undefined
  epoch = `epoch-${Math.random().toString(36).slice(2)}`
  version = 1
  /** Connections of the feed ever accepted. */
  feedsOpened = 0
  readonly #functions = new Map<ObjectKey, FeedFunction>()
  readonly #endpoints = new Map<string, FeedEndpoint>()
  #routes: FeedRoute[] = []
  #subscriptions: FeedSubscription[] = []
  readonly #feeds = new Set<ServerResponse>()
  #server: Server
  #port = 0

  constructor() {
    this.#server = this.#create()
  }

  static async start(): Promise<FakeController> {
    const controller = new FakeController()
    await controller.listen()
    return controller
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get feeds(): number {
    return this.#feeds.size
  }

  /** It takes connections and says nothing on them, as a stopped process or a node that has gone. */
  freeze(): void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#frozen = { until: promise, thaw: resolve }
  }

  thaw(): void {
    this.#frozen?.thaw()
    this.#frozen = undefined
  }

  /** Listens again on the same port after `stop`. */
  async listen(): Promise<void> {
    if (!this.#server.listening) this.#server = this.#create()
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve))
    this.#port = (this.#server.address() as AddressInfo).port
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return
    this.thaw()
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    this.#feeds.clear()
    await closed
  }

  setFunctions(...functions: FeedFunction[]): void {
    for (const fn of functions) this.#functions.set(fn.key, fn)
    this.#change({ functions })
  }

  removeFunction(key: ObjectKey): void {
    this.#functions.delete(key)
    this.#change({ removedFunctions: [key] })
  }

  setRoutes(...routes: FeedRoute[]): void {
    this.#routes = routes
    this.#change({ routes })
  }

  setSubscriptions(...subscriptions: FeedSubscription[]): void {
    this.#subscriptions = subscriptions
    this.#change({ subscriptions })
  }

  addEndpoints(...endpoints: FeedEndpoint[]): void {
    for (const endpoint of endpoints) this.#endpoints.set(endpoint.id, endpoint)
    this.#change({ endpoints })
  }

  removeEndpoint(id: string): void {
    this.#endpoints.delete(id)
    this.#change({ removedEndpoints: [id] })
  }

  /** Anything at all, for feeds that go wrong. */
  writeRaw(text: string): void {
    for (const feed of this.#feeds) feed.write(text)
  }

  heartbeat(): void {
    this.writeRaw(`${JSON.stringify({ type: 'heartbeat', version: this.version } satisfies FeedMessage)}\n`)
  }

  cutFeeds(): void {
    for (const feed of this.#feeds) feed.destroy()
    this.#feeds.clear()
  }

  #change(part: Partial<Extract<FeedMessage, { type: 'change' }>>): void {
    this.version++
    const empty = { functions: [], removedFunctions: [], endpoints: [], removedEndpoints: [] }
    this.writeRaw(`${JSON.stringify({ type: 'change', version: this.version, ...empty, ...part })}\n`)
  }

  #create(): Server {
    return createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy())
    })
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.#frozen?.until
    if (request.headers.authorization !== `Bearer ${FAKE_TOKEN}`) return void response.writeHead(401).end()
    if (request.url === '/v1/feed') return this.#feed(response)
    const body = JSON.parse(await text(request)) as unknown
    if (request.url === '/v1/load') {
      this.reports.push(body as LoadReport)
      return void response.writeHead(204).end()
    }
    this.activations.push(body as ActivationRequest)
    const answer = await this.onActivation(body as ActivationRequest)
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  }

  #feed(response: ServerResponse): void {
    this.feedsOpened++
    response.writeHead(200, { 'content-type': 'application/x-ndjson' })
    const { epoch, version } = this
    const functions = [...this.#functions.values()]
    const endpoints = [...this.#endpoints.values()]
    const lists = { routes: this.#routes, subscriptions: this.#subscriptions }
    const snapshot: FeedMessage = { type: 'snapshot', epoch, version, functions, ...lists, endpoints }
    response.write(`${JSON.stringify(snapshot)}\n`)
    this.#feeds.add(response)
    response.on('close', () => this.#feeds.delete(response))
  }
}

async function text(request: IncomingMessage): Promise<string> {
  let all = ''
  for await (const chunk of request) all += String(chunk)
  return all
}

/** An activation answer that brings this pod, new and with phases. */
export function wokeUp(endpoint: FeedEndpoint, source: 'pool' | 'new' | 'warm' = 'pool'): ActivationAnswer {
  return { outcome: 'endpoint', endpoint, source, phases: { podMs: 0, specializeMs: 5, initMs: 2 } }
}

/** An answer after a while, for tests about what happens meanwhile. */
export async function later<T>(ms: number, answer: T): Promise<T> {
  await delay(ms)
  return answer
}
