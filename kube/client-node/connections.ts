/**
 * Connections to one API server, kept and shared: client-node opens one per call (7.7 ms instead of 1.3). Calls have a few of their own, so that a burst
 * does not become a burst of handshakes; each watch holds one. New ones are made when CA, certificate or proxy change.
 */
import { isDeepStrictEqual } from 'node:util'
import { Agent, ProxyAgent, type Dispatcher } from 'undici'
import type { Credentials } from './cluster-access.ts'

type Route = Pick<Credentials, 'tls' | 'proxyUrl'>

const MOST_CALLS = 32
const MOST_URGENT = 4
const CONNECT_TIMEOUT_MS = 5_000
/** Less than the 90 s of an API server, which closes what is idle; undici's 4 s would mean a handshake for every lonely call. */
const KEEP_ALIVE_MS = 60_000
/** A peer that has gone without a word is noticed below HTTP. */
const PROBE_AFTER_MS = 15_000

/** call: in a queue with other calls · urgent: before them, for what has a deadline of seconds · watch: for as long as it lasts. */
export type Purpose = 'call' | 'urgent' | 'watch'

/** null = as many as are wanted. */
const MOST: Record<Purpose, number | null> = { call: MOST_CALLS, urgent: MOST_URGENT, watch: null }

export class Connections {
  #route: Route | undefined
  readonly #open = new Map<Purpose, Dispatcher>()

  for(purpose: Purpose, { tls, proxyUrl }: Credentials): Dispatcher {
    const route: Route = proxyUrl === undefined ? { tls } : { tls, proxyUrl }
    if (!isDeepStrictEqual(route, this.#route)) this.#reroute(route)
    const known = this.#open.get(purpose)
    if (known) return known
    const dispatcher = open(route, MOST[purpose])
    this.#open.set(purpose, dispatcher)
    return dispatcher
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    const dispatchers = [...this.#open.values()]
    this.#open.clear()
    await Promise.all(dispatchers.map((dispatcher) => dispatcher.destroy()))
  }

  /** Calls go over new connections from now on; a watch finds out for itself. */
  renew(): void {
    this.#leave('call')
    this.#leave('urgent')
  }

  #reroute(route: Route): void {
    for (const purpose of [...this.#open.keys()]) this.#leave(purpose)
    this.#route = route
  }

  /** What runs on the old connections may end there: nobody waits for it. */
  #leave(purpose: Purpose): void {
    this.#open
      .get(purpose)
      ?.close()
      .catch(() => undefined)
    this.#open.delete(purpose)
  }
}

function open({ tls, proxyUrl }: Route, connections: number | null): Dispatcher {
  const shared = {
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    connections,
  }
  if (proxyUrl !== undefined) return new ProxyAgent({ ...shared, uri: proxyUrl, requestTls: tls })
  const connect = { ...tls, timeout: CONNECT_TIMEOUT_MS, keepAlive: true, keepAliveInitialDelay: PROBE_AFTER_MS }
  return new Agent({ ...shared, connect })
}
