/** A whole controller on a memory cluster, with fake runtimes as pods and this test as data plane. */
import { admit } from '../../../api/validate.ts'
import type { DormouseFunction, FunctionSpec } from '../../../api/function.ts'
import { FUNCTIONS, RUNTIMES } from '../../../api/kinds.ts'
import type { ObjectKey } from '../../../api/names.ts'
import { activationAnswerSchema, feedMessageSchema } from '../../../api/protocol.ts'
import type { ActivationAnswer, FeedEndpoint, FeedMessage, LoadReport } from '../../../api/protocol.ts'
import { createController, type Controller } from '../../../controller/controller.ts'
import type { CreateElection } from '../../../controller/leadership.ts'
import { hostPort } from '../../../controller/fleet/pod-status.ts'
import { DEFAULT_FLEET_LIMITS } from '../../../controller/fleet/pod-fleet-options.ts'
import { DEFAULT_SERVER_LIMITS } from '../../../controller/server/routes.ts'
import type { Cluster } from '../../../kube/cluster.ts'
import { createMemoryCluster, type MemoryCluster } from '../../../kube/memory/memory-cluster.ts'
import { EVENTS, PODS, type Pod } from '../../../kube/objects.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { createMetrics, type Metrics } from '../../../lib/metrics.ts'
import { newFunction } from '../../builders/kube-objects.ts'
import { FakeKubelet } from '../../fakes/fake-kubelet.ts'
import { until } from '../../builders/eventually.ts'

export const NAMESPACE = 'default'
export const TOKEN = 'data-plane-token'
export const keyOf = (name: string): ObjectKey => `${NAMESPACE}/${name}`

export interface ControllerProcess {
  controller: Controller
  metrics: Metrics
  url: string
}

export class ControllerBed {
  readonly cluster: MemoryCluster
  readonly kubelet: FakeKubelet
  readonly #host: string
  readonly #processes: ControllerProcess[] = []

  /**
   * `host`: of pods; controllers are called there, too, and listen on every address where it is not the default. `apiBehindMs`: how far the
   * clock of the API is behind that of controllers.
   */
  constructor({ host = '127.0.0.1', apiBehindMs = 0 }: { host?: string; apiBehindMs?: number } = {}) {
    this.#host = host
    this.cluster = createMemoryCluster({ admit, now: () => Date.now() - apiBehindMs })
    this.kubelet = new FakeKubelet(this.cluster, host)
  }

  async start({ poolSize = 0 }: { poolSize?: number } = {}): Promise<this> {
    await this.kubelet.start()
    await this.cluster.create(RUNTIMES, {
      apiVersion: 'dormouse.dev/v1alpha1',
      kind: 'Runtime',
      metadata: { name: 'node' },
      spec: { image: 'local/node', pool: { size: poolSize } },
    })
    return this
  }

  /** One more controller process on the same cluster; `through` may make its API calls fail. */
  async controller(
    options: {
      through?: Cluster
      resyncMs?: number
      initTimeoutMs?: number
      feedBufferBytes?: number
      platformUrl?: string
      election?: CreateElection
      /** Of an installation of its own. */
      namespace?: string
      lease?: string
      verifyFirstRevision?: boolean
      /** Where pods are told to call home, too. */
      port?: number
    } = {},
  ): Promise<ControllerProcess> {
    const metrics = createMetrics()
    const { listen, advertised } = this.#addresses(options.port)
    const controller = createController({
      cluster: options.through ?? this.cluster,
      namespace: options.namespace ?? 'dormouse-system',
      ...(options.lease !== undefined && { lease: options.lease }),
      metrics,
      logger: silentLogger,
      listen,
      authenticate: (request) => request.headers.authorization === `Bearer ${TOKEN}`,
      ...(options.election && { election: options.election }),
      config: {
        functions: { verifyFirstRevision: options.verifyFirstRevision ?? false },
        initTimeoutMs: options.initTimeoutMs ?? 10_000,
        podPorts: { control: 0, data: 0 },
        ...(options.platformUrl !== undefined && { platformUrl: options.platformUrl }),
        ...advertised,
        fleet: {
          ...DEFAULT_FLEET_LIMITS,
          podTimeoutMs: 20_000,
          healthTimeoutMs: 5_000,
          resyncMs: options.resyncMs ?? 30_000,
        },
        server: {
          ...DEFAULT_SERVER_LIMITS,
          ...(options.feedBufferBytes && { feedBufferBytes: options.feedBufferBytes }),
        },
      },
    })
    const { url } = await controller.start()
    const process = { controller, metrics, url }
    this.#processes.push(process)
    return process
  }

  #addresses(port: number | undefined) {
    return {
      listen: { port: port ?? 0, host: this.#host === '127.0.0.1' ? this.#host : undefined },
      advertised: port === undefined ? {} : { advertisedUrl: `http://${hostPort(this.#host, port)}` },
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map(({ controller }) => controller.stop()))
    await this.kubelet.stop()
  }

  async function(name: string, spec: Partial<FunctionSpec> & { code?: unknown } = {}): Promise<DormouseFunction> {
    return this.cluster.create(FUNCTIONS, newFunction({ name, namespace: NAMESPACE }, spec))
  }

  pods(): Promise<Pod[]> {
    return this.cluster.list(PODS)
  }

  async events(reason: string): Promise<string[]> {
    const events = await this.cluster.list(EVENTS)
    return events.filter((event) => event.reason === reason).map(({ message }) => message)
  }
}

export const code = (text: string) => ({ code: { inline: { 'index.mjs': text } } })

export function post(url: string, body: unknown, token = TOKEN): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  })
}

export async function activate(
  { url }: { url: string },
  name: string,
  request: Record<string, unknown> = {},
): Promise<ActivationAnswer> {
  const asked = { function: keyOf(name), reporter: 'test', queued: 1, inFlight: 0, waitMs: 20_000, ...request }
  return activationAnswerSchema.parse(await (await post(`${url}/v1/activations`, asked)).json())
}

/** The endpoint of an answer that must have one. */
export function endpointOf(answer: ActivationAnswer): FeedEndpoint {
  if (answer.outcome !== 'endpoint') throw new Error(`expected an endpoint, got ${JSON.stringify(answer)}`)
  return answer.endpoint
}

export async function invoke({ address, dataKey }: FeedEndpoint): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`http://${address}/`, { method: 'POST', headers: { 'dormouse-key': dataKey } })
  const text = await response.text()
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
}

/** A data plane that only listens. */
export class FeedReader {
  readonly messages: FeedMessage[] = []
  readonly #abort = new AbortController()
  ended = false

  async open({ url }: { url: string }): Promise<this> {
    const response = await fetch(`${url}/v1/feed`, {
      headers: { authorization: `Bearer ${TOKEN}` },
      signal: this.#abort.signal,
    })
    if (response.status !== 200 || response.body === null) throw new Error(`feed answered ${response.status}`)
    void this.#read(response.body).catch(() => (this.ended = true))
    await until(() => this.messages.length > 0)
    return this
  }

  close(): void {
    this.#abort.abort()
  }

  get version(): number {
    return this.messages.at(-1)?.version ?? -1
  }

  get epoch(): string {
    const [first] = this.messages
    return first?.type === 'snapshot' ? first.epoch : ''
  }

  /** Endpoints after applying everything. */
  endpoints(name: string): FeedEndpoint[] {
    const known = new Map<string, FeedEndpoint>()
    for (const message of this.messages) {
      if (message.type === 'heartbeat') continue
      if (message.type === 'change') message.removedEndpoints.forEach((id) => known.delete(id))
      message.endpoints.forEach((endpoint) => known.set(endpoint.id, endpoint))
    }
    return [...known.values()].filter((endpoint) => endpoint.function === keyOf(name))
  }

  report({ url }: { url: string }, report: Partial<LoadReport> = {}): Promise<Response> {
    const { epoch, version } = this
    return post(`${url}/v1/load`, { reporter: 'reader', epoch, version, functions: [], ...report })
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    let rest = ''
    const decoder = new TextDecoder()
    for await (const chunk of body) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) this.messages.push(feedMessageSchema.parse(JSON.parse(line)))
    }
    this.ended = true
  }
}

export async function metricOf({ metrics }: ControllerProcess, name: string): Promise<number> {
  const values = (await metrics.registry.getSingleMetric(name)?.get())?.values ?? []
  return values.reduce((sum, { value }) => sum + value, 0)
}
