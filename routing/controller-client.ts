/**
 * HTTP to the controller's replicas: one JSON call, and the order in which replicas are tried.
 * Answers other than 2xx are errors like a refused connection: the caller tries the next replica.
 */
import { createHash } from 'node:crypto'
import { Agent, type Dispatcher } from 'undici'
import { monotonicClock, type Clock } from '../lib/clock.ts'
import { silentLogger, type Logger } from '../lib/logger.ts'
import { Replicas, type Lookup } from './replicas.ts'
import { SilentReplicas } from './silent-replicas.ts'

/** A controller replica could not be reached or did not answer as it should. */
export class ControllerError extends Error {
  override readonly name = 'ControllerError'
  readonly code = 'controller-unreachable'
}

/** There was no answer at all. */
class ControllerSilence extends ControllerError {}

const isSilence = (error: unknown) => error instanceof ControllerSilence

export interface ControllerClientOptions {
  /** Base URLs of all replicas, e.g. `http://10.0.0.7:8082`; a host name stands for a replica at each of its addresses. */
  urls: readonly string[]
  /** Bearer token of data planes; read for every call because projected tokens rotate. */
  token: () => string
  /** How long a TCP connection may take. */
  connectTimeoutMs?: number
  /** How host names are resolved; default: as the machine does. */
  lookup?: Lookup
  /** A replica has come. */
  onCome?: () => void
  clock?: Clock
  logger?: Logger
}

export interface PostOptions {
  body: unknown
  timeoutMs: number
  signal?: AbortSignal
  /** An answer that may take long: it is given up when the replica answers nobody, and another does. */
  untilSilent?: boolean
}

export class ControllerClient {
  readonly #replicas: Replicas
  readonly #token: () => string
  readonly #connectTimeoutMs: number
  readonly #silent = new SilentReplicas()
  /** One per replica: when that is gone, its connections go, and with them what waits for its answers. */
  readonly #agents = new Map<string, Agent>()

  constructor(options: ControllerClientOptions) {
    const { urls, token, connectTimeoutMs = 1_000, lookup, onCome } = options
    const { clock = monotonicClock, logger = silentLogger } = options
    this.#token = token
    this.#connectTimeoutMs = connectTimeoutMs
    this.#replicas = new Replicas({
      ...{ urls, clock, logger, onGone: (gone) => this.#drop(gone) },
      ...(lookup && { lookup }),
      ...(onCome && { onCome }),
    })
  }

  /** Of the replicas there are now. */
  get urls(): readonly string[] {
    return this.#replicas.urls
  }

  /** All replicas in the order in which they are asked about `key`: those that answer nobody last. */
  order(key: string): string[] {
    return this.#silent.order(rendezvousOrder(this.urls, key))
  }

  /** Keeps `urls` current. */
  start(): void {
    this.#replicas.start()
  }

  /** The parsed JSON answer, undefined for 204. Throws ControllerError; never waits longer than `timeoutMs`. */
  async post(url: string, path: string, options: PostOptions): Promise<unknown> {
    const { timeoutMs, signal, untilSilent = false } = options
    const watch = untilSilent ? this.#silent.watch(url) : undefined
    const others = [signal, watch?.signal].filter((other) => other !== undefined)
    try {
      const text = await this.#exchange(url, {
        path,
        method: 'POST',
        headers: { ...this.#authorization(), 'content-type': 'application/json' },
        body: JSON.stringify(options.body),
        signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), ...others]),
      })
      return text === '' ? undefined : (JSON.parse(text) as unknown)
    } catch (error) {
      if (isSilence(error) && !others.some(({ aborted }) => aborted)) this.#silent.missed(url, this.urls)
      throw error
    } finally {
      watch?.end()
    }
  }

  /** A long NDJSON response, which breaks off when the replica answers nobody any more and another does. Throws ControllerError unless it is a 200. */
  async open(url: string, path: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
    const watch = this.#silent.watch(url)
    signal.addEventListener('abort', watch.end, { once: true })
    const untilSilent = AbortSignal.any([signal, watch.signal])
    const request = { path, method: 'GET', headers: this.#authorization(), signal: untilSilent } as const
    const answer = await this.#request(url, request)
    if (answer.statusCode === 200) return answer.body
    this.#replicas.failed()
    await answer.body.dump().catch(() => undefined)
    throw new ControllerError(`${url}${path} answered ${answer.statusCode}, expected 200`)
  }

  async close(): Promise<void> {
    this.#replicas.stop()
    await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()))
  }

  #drop(urls: readonly string[]): void {
    for (const url of urls) {
      const agent = this.#agents.get(url)
      this.#agents.delete(url)
      this.#silent.forget(url)
      void agent?.destroy(new ControllerError(`${url} is no controller any more`))
    }
  }

  #agentOf(url: string): Agent {
    const known = this.#agents.get(url)
    if (known !== undefined) return known
    const connect = { timeout: this.#connectTimeoutMs }
    const agent = new Agent({ connect, headersTimeout: 0, bodyTimeout: 0, allowH2: false })
    this.#agents.set(url, agent)
    return agent
  }

  #authorization(): Record<string, string> {
    return { authorization: `Bearer ${this.#token()}` }
  }

  async #exchange(url: string, options: RequestOptions): Promise<string> {
    const { statusCode, body } = await this.#request(url, options)
    const text = await body.text().catch((error: unknown) => {
      throw new ControllerError(`${url}${options.path} broke off its answer`, { cause: error })
    })
    if (statusCode >= 200 && statusCode < 300) return text
    this.#replicas.failed()
    throw new ControllerError(`${url}${options.path} answered ${statusCode}: ${text.slice(0, 200)}`)
  }

  async #request(url: string, options: RequestOptions): Promise<Dispatcher.ResponseData> {
    try {
      const answer = await this.#agentOf(url).request({ origin: url, ...options })
      this.#silent.forget(url)
      return answer
    } catch (error) {
      this.#replicas.failed()
      throw new ControllerSilence(`cannot reach ${url}`, { cause: error })
    }
  }
}

type RequestOptions = Omit<Dispatcher.RequestOptions, 'origin'> & { path: string }

/** All replicas, the one responsible for `key` first (rendezvous hash): data planes agree without talking to each other. */
export function rendezvousOrder(urls: readonly string[], key: string): string[] {
  if (urls.length < 2) return [...urls]
  const weight = (url: string) => createHash('sha1').update(`${url}\n${key}`).digest('hex')
  return urls
    .map((url) => ({ url, weight: weight(url) }))
    .sort((a, b) => (a.weight < b.weight ? 1 : -1))
    .map(({ url }) => url)
}
