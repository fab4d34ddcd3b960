/** A gateway with a fake controller and fake pods, all on loopback; `stop` ends every one of them. */
import {
  createGateway,
  type Gateway,
  type GatewayLimits,
  type GatewayOptions,
  type GatewayPorts,
} from '../../gateway/gateway.ts'
import type { FeedFunction, FeedRoute } from '../../api/protocol.ts'
import { silentLogger } from '../../lib/logger.ts'
import { createMetrics } from '../../lib/metrics.ts'
import { feedFunction, feedRoute } from '../builders/feed.ts'
import { until } from '../builders/eventually.ts'
import { FakeController, FAKE_TOKEN } from './fake-controller.ts'
import { FakePod, type FakePodOptions } from './fake-pod.ts'

export interface WorldOptions {
  fn?: Partial<FeedFunction>
  limits?: Partial<GatewayLimits>
  routing?: GatewayOptions['routing']
  /** Controllers besides the first. */
  moreControllers?: FakeController[]
  events?: NonNullable<GatewayOptions['events']>
  proxies?: GatewayOptions['proxies']
  /** Listens as in a cluster, not on loopback alone. */
  onEveryAddress?: boolean
}

export class GatewayWorld {
  readonly controller: FakeController
  readonly gateway: Gateway
  readonly pods: FakePod[] = []
  ports: GatewayPorts = { publicPort: 0, internalPort: 0, managementPort: 0 }
  readonly #more: FakeController[]
  #stopped = false

  constructor(controller: FakeController, options: WorldOptions) {
    this.controller = controller
    this.#more = options.moreControllers ?? []
    this.gateway = createGateway({
      controllerUrls: [controller.url, ...this.#more.map(({ url }) => url)],
      token: () => FAKE_TOKEN,
      reporter: 'gateway-under-test',
      logger: silentLogger,
      ...(options.onEveryAddress !== true && { host: '127.0.0.1' }),
      ports: { public: 0, internal: 0, management: 0 },
      metrics: createMetrics(),
      ...(options.limits && { limits: options.limits }),
      ...(options.routing && { routing: options.routing }),
      ...(options.events && { events: options.events }),
      proxies: options.proxies,
    })
  }

  /** One function `default/hello`, routed at `/` of every host, asleep. */
  static async start(options: WorldOptions = {}): Promise<GatewayWorld> {
    const controller = await FakeController.start()
    for (const replica of [controller, ...(options.moreControllers ?? [])]) {
      replica.setFunctions(feedFunction(options.fn))
      replica.setRoutes(feedRoute())
    }
    const world = new GatewayWorld(controller, options)
    world.ports = await world.gateway.start()
    await until(() => world.gateway.router.feed.ready)
    return world
  }

  /** A pod that is in the feed. */
  async pod(options: FakePodOptions = {}): Promise<FakePod> {
    const pod = await this.sleepingPod(options)
    for (const replica of [this.controller, ...this.#more]) replica.addEndpoints(pod.endpoint)
    const { id } = pod
    await until(() =>
      [...this.gateway.router.lanes()].some((lane) => lane.pods().some((p) => p.endpoint.id === id && p.listed)),
    )
    return pod
  }

  /** In place of those there are, once the gateway knows. */
  async setRoutes(...routes: FeedRoute[]): Promise<void> {
    this.controller.setRoutes(...routes)
    await until(() => this.gateway.router.snapshot.version === this.controller.version)
  }

  /** A pod nobody knows of yet. */
  async sleepingPod(options: FakePodOptions = {}): Promise<FakePod> {
    const pod = await FakePod.start(options)
    this.pods.push(pod)
    return pod
  }

  get publicUrl(): string {
    return `http://127.0.0.1:${this.ports.publicPort}`
  }

  get internalUrl(): string {
    return `http://127.0.0.1:${this.ports.internalPort}`
  }

  get functionUrl(): string {
    return `${this.internalUrl}/fn/default/hello`
  }

  get managementUrl(): string {
    return `http://127.0.0.1:${this.ports.managementPort}`
  }

  async metrics(): Promise<string> {
    return this.gateway.metrics.registry.metrics()
  }

  async stop(graceMs = 0): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    await this.gateway.stop({ graceMs })
    await Promise.all([this.controller, ...this.#more, ...this.pods].map((each) => each.stop()))
  }
}
