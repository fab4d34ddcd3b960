/**
 * One call to the API server, as plain JSON over kept connections: credentials, time limits, Retry-After, warnings, errors as ClusterError.
 * Knows HTTP, not what the objects are. Why not client-node's typed client: ADR 0026.
 */
import type { Dispatcher } from 'undici'
import { monotonicClock, type Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import { pause } from '../../lib/pause.ts'
import { ApiRefusal, isRefusal, unavailable } from './api-errors.ts'
import type { ClusterAccess } from './cluster-access.ts'
import { Connections, type Purpose } from './connections.ts'
import { goJson } from './go-json.ts'
import { retryAfterMs } from './retry-after.ts'
import { WarningLog } from './warning-log.ts'

export type Verb = 'create' | 'get' | 'list' | 'patch' | 'delete' | 'watch'

export interface ApiRequest {
  verb: Verb
  /** From the API server's root: `/api/v1/…`. */
  path: string
  query?: Record<string, string>
  body?: unknown
  /** Of the body; patches differ in nothing else. */
  contentType?: string
  /** Default: JSON, and what the keys of service-account tokens come as. */
  accept?: string
  /** For messages: `patch pods default/a`. */
  what: string
  signal?: AbortSignal
  /** Does not wait behind other calls, nor long. */
  isUrgent?: boolean
}

/** Called synchronously, must not throw. */
export interface ApiMetrics {
  /** `status`: of the answer; 0 = there was none. */
  answered(verb: Verb, status: number, durationMs: number): void
}

export interface ApiClientOptions {
  access: ClusterAccess
  logger: Logger
  userAgent: string
  clock?: Clock
  /** A call with its retries takes no longer; not for watches. */
  timeoutMs?: number
  /** A watch that has been silent for so long is given up; the API server marks its place about once a minute. */
  watchSilenceMs?: number
  metrics?: ApiMetrics
}

export type Answer = Dispatcher.ResponseData

const METHODS: Record<Verb, Dispatcher.HttpMethod> = {
  create: 'POST',
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  patch: 'PATCH',
  delete: 'DELETE',
}
const DEFAULT_ACCEPT = 'application/json, application/jwk-set+json'
const DEFAULT_TIMEOUT_MS = 30_000
/** Less than a leader's deadline: on a connection that has died without a word no answer comes, on the next one it may. */
const URGENT_TIMEOUT_MS = 3_000
const RENEW_EVERY_MS = 10_000
const DEFAULT_WATCH_SILENCE_MS = 150_000
/** An API server that is busy is given way to, but the caller has a deadline of its own. */
const MOST_TRIES = 4

export class ApiClient {
  readonly #options: ApiClientOptions
  readonly #clock: Clock
  readonly #connections = new Connections()
  readonly #warnings: WarningLog
  readonly #base: URL
  #renewedMs = -Infinity

  constructor(options: ApiClientOptions) {
    this.#options = options
    this.#clock = options.clock ?? monotonicClock
    this.#warnings = new WarningLog(options.logger)
    this.#base = new URL(options.access.server)
  }

  /** The answer's JSON. Throws ClusterError. */
  async call(request: ApiRequest): Promise<unknown> {
    const purpose = request.isUrgent === true ? 'urgent' : 'call'
    const timeoutMs = this.#timeoutMs(purpose)
    const limit = AbortSignal.timeout(timeoutMs)
    const signal = request.signal ? AbortSignal.any([limit, request.signal]) : limit
    try {
      const answer = await this.#answer(purpose, { ...request, signal })
      return await answer.body.json()
    } catch (error) {
      const isLate = limit.aborted && !isRefusal(error)
      if (isLate) this.#renewConnections()
      throw unavailable(request.what, isLate ? new Error(`no answer within ${timeoutMs} ms`) : error)
    }
  }

  /** The answer of a watch whose body goes on; the signal ends it. Throws ClusterError. */
  async stream(request: ApiRequest): Promise<Answer> {
    try {
      return await this.#answer('watch', request)
    } catch (error) {
      throw unavailable(request.what, error)
    }
  }

  /**
   * That nobody answers may mean that the machine at the other end has gone without a word: what else is kept open leads there, too. Or it is slow,
   * and handshakes are not what it needs.
   */
  #renewConnections(): void {
    const nowMs = this.#clock.now()
    if (nowMs - this.#renewedMs < RENEW_EVERY_MS) return
    this.#renewedMs = nowMs
    this.#connections.renew()
  }

  #timeoutMs(purpose: Purpose): number {
    const { timeoutMs = DEFAULT_TIMEOUT_MS } = this.#options
    return purpose === 'urgent' ? Math.min(timeoutMs, URGENT_TIMEOUT_MS) : timeoutMs
  }

  close(): Promise<void> {
    return this.#connections.close()
  }

  /** The first answer that is a success. */
  async #answer(purpose: Purpose, request: ApiRequest): Promise<Answer> {
    let isRefreshed = false
    for (let tries = 1; ; tries += 1) {
      const answer = await this.#send(purpose, request)
      this.#warnings.say(answer.headers['warning'])
      if (answer.statusCode < 300) return answer
      const refusal = new ApiRefusal(answer.statusCode, await bodyOf(answer), request.what)
      const waitMs = retryAfterMs(answer)
      if (refusal.code === 'Unauthorized' && !isRefreshed) {
        isRefreshed = true
        this.#options.access.refresh()
      } else if (waitMs !== undefined && tries < MOST_TRIES) {
        await pause(this.#clock, waitMs, request.signal)
        if (request.signal?.aborted === true) throw refusal
      } else {
        throw refusal
      }
    }
  }

  async #send(purpose: Purpose, request: ApiRequest): Promise<Answer> {
    const credentials = await this.#options.access.credentials()
    const options = this.#httpRequest(purpose, request, credentials.headers)
    const dispatcher = this.#connections.for(purpose, credentials)
    try {
      return await this.#measured(request.verb, () => dispatcher.request(options))
    } catch (error) {
      // A kept connection may have been closed in the moment it was used. Only reading is safe to do twice.
      if (METHODS[request.verb] !== 'GET' || request.signal?.aborted === true || !isReset(error)) throw error
      return await this.#measured(request.verb, () => dispatcher.request(options))
    }
  }

  async #measured(verb: Verb, send: () => Promise<Answer>): Promise<Answer> {
    const startedMs = this.#clock.now()
    let status = 0
    try {
      const answer = await send()
      status = answer.statusCode
      return answer
    } finally {
      this.#options.metrics?.answered(verb, status, this.#clock.now() - startedMs)
    }
  }

  #httpRequest(purpose: Purpose, request: ApiRequest, headers: Record<string, string>) {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, watchSilenceMs = DEFAULT_WATCH_SILENCE_MS, userAgent } = this.#options
    const { body, contentType = 'application/json', query, path, signal, verb, accept = DEFAULT_ACCEPT } = request
    return {
      origin: this.#base.origin,
      path: this.#base.pathname.replace(/\/$/, '') + path,
      ...(query && { query }),
      method: METHODS[verb],
      headers: {
        ...headers,
        accept,
        'user-agent': userAgent,
        ...(body !== undefined && { 'content-type': contentType }),
      },
      ...(body !== undefined && { body: goJson(body) }),
      ...(signal && { signal }),
      headersTimeout: timeoutMs,
      bodyTimeout: purpose === 'watch' ? watchSilenceMs : timeoutMs,
    }
  }
}

async function bodyOf({ body }: Answer): Promise<unknown> {
  const text = await body.text()
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function isReset(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE'
}
