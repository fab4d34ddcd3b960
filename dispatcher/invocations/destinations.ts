/**
 * Tells destinations how invocations ended. What goes to the event log is tried until it is stored, like everything else there; a URL has a
 * small budget of attempts of its own.
 */
import { Agent, request } from 'undici'
import { EVENT_HEADER } from '../../api/names.ts'
import type { FeedDestination } from '../../api/protocol.ts'
import type { Engine } from '../../events/consumption/engine.ts'
import { EventLogError, type Header, type NewRecord } from '../../events/event-log.ts'
import type { InvocationState } from '../../events/invocation-ledger.ts'
import { asyncTopic } from '../../events/topic-names.ts'
import { guardedLookup, mayBeAsked, type AddressPolicy } from '../../lib/address-policy.ts'
import { backoffMs } from '../../lib/backoff.ts'
import { pause } from '../../lib/pause.ts'
import { nextHop } from '../deliver/hops.ts'
import { traceIn, traceOn } from '../deliver/trace.ts'
import { destinationRecord, followingId, type FinalEnd } from './destination.ts'
import { errorText } from '../../lib/error-text.ts'

export interface DestinationsOptions {
  engine: () => Pick<Engine, 'log' | 'clock' | 'wall' | 'logger'>
  /** Of an invocation that a destination begins. */
  note: (state: InvocationState) => void
  /** Of URLs. */
  addresses: AddressPolicy
  /** Aborts when nobody acknowledges what is told any more. */
  signal: AbortSignal
}

const URL_TIMEOUT_MS = 10_000
const URL_ATTEMPTS = 3
const URL_RETRY = { firstMs: 1_000, longestMs: 10_000 }
const LOG_RETRY = { firstMs: 500, longestMs: 30_000 }
const JSON_HEADER: Header = ['content-type', Buffer.from('application/json')]

export class Destinations {
  readonly #options: DestinationsOptions
  #agent: Agent | undefined

  constructor(options: DestinationsOptions) {
    this.#options = options
    options.signal.addEventListener('abort', () => void this.#agent?.destroy(), { once: true })
  }

  /** Why it could not be told; undefined when it was. Throws only when it was given up for good: the record is not ours any more. */
  async tell(destination: FeedDestination, end: FinalEnd): Promise<string | undefined> {
    const { logger, wall } = this.#options.engine()
    const body = destinationRecord(end, wall.now())
    const why =
      'url' in destination
        ? await this.#post(destination.url, body, traceIn(end.record))
        : await this.#store(this.#recordFor(destination, body, end))
    if (why !== undefined) {
      const { deliveryId } = end.meta
      const to = 'url' in destination ? { url: shown(destination.url) } : destination
      logger.error('a destination did not get its record', { deliveryId, destination: to, why })
    }
    return why
  }

  #recordFor(destination: Exclude<FeedDestination, { url: string }>, body: string, end: FinalEnd): NewRecord {
    const headers = [JSON_HEADER, ...traceOn(end.record), nextHop(end.record)]
    const value = Buffer.from(body)
    if ('topic' in destination) return { topic: destination.topic, key: null, value, headers }
    const key = destination.function
    const id = followingId(end.meta.deliveryId, end.kind)
    const acceptedAtMs = this.#options.engine().wall.now()
    this.#options.note({ id, functionKey: key, status: 'queued', acceptedAtMs, attempts: 0 })
    return {
      topic: asyncTopic(key),
      key: null,
      value,
      headers: [...headers, [EVENT_HEADER.deliveryId, Buffer.from(id)]],
    }
  }

  async #store(record: NewRecord): Promise<string | undefined> {
    const { log, clock, logger } = this.#options.engine()
    const { signal } = this.#options
    for (let failures = 1; ; failures++) {
      try {
        await log.send([record])
        return undefined
      } catch (error) {
        const message = errorText(error)
        if (!isPassing(error)) return message
        if (failures === 1)
          logger.warn('a destination cannot get its record now', { topic: record.topic, why: message })
        await pause(clock, backoffMs(failures, LOG_RETRY), signal)
        signal.throwIfAborted()
      }
    }
  }

  async #post(url: string, body: string, trace: string[] = []): Promise<string | undefined> {
    const { clock } = this.#options.engine()
    const { signal, addresses } = this.#options
    if (!URL.canParse(url)) return `expected a URL, got ${JSON.stringify(url)}`
    const target = new URL(url)
    if (!mayBeAsked(target, addresses)) return `${shown(url)} is at an address that destinations may not have`
    let why = ''
    for (let failures = 1; failures <= URL_ATTEMPTS; failures++) {
      try {
        const status = await this.#postOnce(target, body, trace)
        if (status < 300) return undefined
        why = `${shown(url)} answered ${status}`
        if (status < 500 && status !== 408 && status !== 429) return why
      } catch (error) {
        why = `${shown(url)} cannot be reached: ${errorText(error)}`
        if (error instanceof RefusedError) return why
      }
      if (failures < URL_ATTEMPTS) await pause(clock, backoffMs(failures, URL_RETRY), signal)
      signal.throwIfAborted()
    }
    return why
  }

  /** Redirects are answers like others. */
  async #postOnce(target: URL, body: string, trace: string[]): Promise<number> {
    const { signal, addresses } = this.#options
    this.#agent ??= new Agent({ connect: { lookup: guardedLookup(addresses, (host) => new RefusedError(host)) } })
    const answer = await request(target, {
      dispatcher: this.#agent,
      method: 'POST',
      headers: ['content-type', 'application/json', ...trace],
      body,
      signal: AbortSignal.any([signal, AbortSignal.timeout(URL_TIMEOUT_MS)]),
    })
    await answer.body.dump()
    return answer.statusCode
  }
}

class RefusedError extends Error {
  constructor(host: string) {
    super(`${host} has only addresses that destinations may not have`)
  }
}

/** Whoever asks for an invocation reads it: what stands behind the path, or before the host, may be a secret. */
function shown(url: string): string {
  if (!URL.canParse(url)) return url
  const { protocol, host, pathname, search } = new URL(url)
  return `${protocol}//${host}${pathname}${search === '' ? '' : '?…'}`
}

function isPassing(error: unknown): boolean {
  return error instanceof EventLogError && (error.code === 'unavailable' || error.code === 'full')
}
