/** What a process holds, and what a gateway in it has counted: for tests that want both back at what they were. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readdirSync, readlinkSync } from 'node:fs'
import type { IncomingMessage, Server } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Numbers of open things, by kind. */
export type Holdings = Record<string, number>

/** Handles that keep this process up, by their kind, and descriptors, by theirs. */
export function holdings(): Holdings {
  const held: Holdings = {}
  const count = (what: string) => (held[what] = (held[what] ?? 0) + 1)
  for (const kind of process.getActiveResourcesInfo()) count(kind)
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      count(`fd ${readlinkSync(`/proc/self/fd/${fd}`).replace(/[:/].*/s, '')}`)
    } catch {
      // The one that lists them.
    }
  }
  return held
}

/** Of which there are more than before, by more than `slack`. */
export function grown(before: Holdings, slack: number): string[] {
  return Object.entries(holdings()).flatMap(([what, now]) =>
    now > (before[what] ?? 0) + slack ? [`${what}: ${before[what] ?? 0} → ${now}`] : [],
  )
}

export async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose_gc')
  const gc = runInNewContext('gc') as () => void
  // What a first turn lets go of may hold what only a second one can free.
  for (let turn = 0; turn < 3; turn++) {
    gc()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Sum of a metric's samples in Prometheus' text. */
export function sumOf(metrics: string, name: string): number {
  let sum = 0
  for (const line of metrics.split('\n')) {
    if (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) sum += Number(line.slice(line.lastIndexOf(' ')))
  }
  return sum
}

/** Every request that reaches the listeners with these ports, as node sees it. */
export class RequestCensus {
  /** Requests, upgrades, and what could not be read as either. */
  seen = 0
  readonly #ports: ReadonlySet<number>
  readonly #requests: WeakRef<IncomingMessage>[] = []
  readonly #servers = new Set<Server>()

  constructor(ports: readonly number[]) {
    this.#ports = new Set(ports)
    subscribe('http.server.request.start', this.#onStart)
  }

  stop(): void {
    unsubscribe('http.server.request.start', this.#onStart)
    for (const server of this.#servers) {
      server.off('upgrade', this.#onOther)
      server.off('clientError', this.#onError)
    }
  }

  /** Those that something still holds. */
  held(): number {
    return this.#requests.filter((request) => request.deref() !== undefined).length
  }

  readonly #onStart = (message: unknown): void => {
    const { request, server } = message as { request: IncomingMessage; server: Server }
    if (!this.#ports.has(request.socket.localPort ?? 0)) return
    this.seen++
    this.#requests.push(new WeakRef(request))
    if (this.#servers.has(server)) return
    this.#servers.add(server)
    server.on('upgrade', this.#onOther)
    server.prependListener('clientError', this.#onError)
  }

  readonly #onOther = (): void => void this.seen++

  /** A connection that is gone has said nothing that could be answered. */
  readonly #onError = ({ code }: NodeJS.ErrnoException, socket: { writable: boolean }): void => {
    if (code !== 'ECONNRESET' && code !== 'EPIPE' && socket.writable) this.seen++
  }
}
