/**
 * HTTP to the controller's replicas: one JSON call, and the order in which replicas are tried.
 * Answers other than 2xx are errors like a refused connection: the caller tries the next replica.
 */
import { createHash } from 'node:crypto'
import { Agent, type Dispatcher } from 'undici'

/** A controller replica could not be reached or did not answer as it should. */
export class ControllerError extends Error {
  override readonly name = 'ControllerError'
  readonly code = 'controller-unreachable'
}

export interface ControllerClientOptions {
  /** Base URLs of all replicas, e.g. `http://10.0.0.7:8082`. */
  urls: readonly string[]
  /** Bearer token of data planes; read for every call because projected tokens rotate. */
  token: () => string
  /** How long a TCP connection may take. */
  connectTimeoutMs?: number
}

export interface PostOptions {
  body: unknown
  timeoutMs: number
  signal?: AbortSignal
}

export class ControllerClient {
  readonly urls: readonly string[]
  readonly #token: () => string
  readonly #agent: Agent

  constructor({ urls, token, connectTimeoutMs = 1_000 }: ControllerClientOptions) {
    this.urls = urls.map((url) => url.replace(/\/+$/, ''))
    this.#token = token
    this.#agent = new Agent({
      connect: { timeout: connectTimeoutMs },
      headersTimeout: 0,
      bodyTimeout: 0,
      allowH2: false,
    })
  }

  /** The parsed JSON answer, undefined for 204. Throws ControllerError; never waits longer than `timeoutMs`. */
  async post(url: string, path: string, { body, timeoutMs, signal }: PostOptions): Promise<unknown> {
    const limit = AbortSignal.timeout(timeoutMs)
    const text = await this.#exchange(url, {
      path,
      method: 'POST',
      headers: { ...this.#authorization(), 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
    })
    return text === '' ? undefined : (JSON.parse(text) as unknown)
  }

  /** A long NDJSON response. Throws ControllerError unless it is a 200. */
  async open(url: string, path: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
    const answer = await this.#request(url, { path, method: 'GET', headers: this.#authorization(), signal })
    if (answer.statusCode === 200) return answer.body
    await answer.body.dump().catch(() => undefined)
    throw new ControllerError(`${url}${path} answered ${answer.statusCode}, expected 200`)
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
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
    throw new ControllerError(`${url}${options.path} answered ${statusCode}: ${text.slice(0, 200)}`)
  }

  async #request(url: string, options: RequestOptions): Promise<Dispatcher.ResponseData> {
    try {
      return await this.#agent.request({ origin: url, ...options })
    } catch (error) {
      throw new ControllerError(`cannot reach ${url}`, { cause: error })
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
