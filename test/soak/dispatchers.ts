/** Dispatchers as processes of their own: started, ended in good order, or killed. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { COMPILE_CACHE } from '../builders/compile-cache.ts'
import { HANDS_OVER } from '../builders/hands-over.ts'

export interface DispatcherFleetOptions {
  controllerUrl: string
  tokenFile: string
  /** For what processes that are killed leave behind. */
  directory: string
  brokers: readonly string[]
  /** Whether retries and dead letters are handed over with their commits; default: as this run says. */
  transactions?: boolean
}

const LISTENS = /"managementPort":(\d+)/
const PROGRAM = new URL('../../dispatcher/main.ts', import.meta.url).pathname
const FRAGILE = new URL('./fragile-dispatcher.ts', import.meta.url).pathname

/** Where a fragile dispatcher may die. */
export type DeathMoment =
  | 'before-invoke'
  | 'after-invoke'
  | 'after-publish'
  | 'before-commit'
  | 'after-commit'
  | 'in-rebalance'
  | `${'before' | 'after'}-${'id' | 'enlist' | 'write' | 'offsets' | 'end'}`

export interface Death {
  at: DeathMoment
  /** At which of them. */
  nth: number
}

/** See fragile-dispatcher.ts. */
interface FragileEnvironment {
  DIE_AT?: string
  CLOCK_SKEW_MS?: string
}

export class DispatcherFleet {
  readonly #options: DispatcherFleetOptions
  readonly #running = new Set<ChildProcess>()
  /** Of their management listeners, once they have said them. */
  /** The last that each has said. */
  readonly #said = new WeakMap<ChildProcess, string>()
  readonly #ports = new WeakMap<ChildProcess, number>()
  #started = 0
  /** What the processes said; a crash that nobody asked for fails the soak. */
  readonly crashes: string[] = []

  constructor(options: DispatcherFleetOptions) {
    this.#options = options
  }

  /** The processes, oldest first. */
  get pids(): number[] {
    return [...this.#running].flatMap(({ pid }) => pid ?? [])
  }

  get size(): number {
    return this.#running.size
  }

  /** `skewMs`: what its wall clock is ahead. */
  start({ skewMs }: { skewMs?: number } = {}): void {
    this.#spawn(skewMs === undefined ? {} : { CLOCK_SKEW_MS: String(skewMs) })
  }

  /** One that kills itself; settles with true when it has, with false after `withinMs`. */
  async startToDie({ at, nth }: Death, withinMs: number): Promise<boolean> {
    const child = this.#spawn({ DIE_AT: `${at}:${nth}` })
    const lived = new AbortController()
    const ended = await Promise.race([
      once(child, 'close').then(() => true),
      delay(withinMs, false, { signal: lived.signal }).catch(() => false),
    ])
    lived.abort()
    return ended
  }

  #spawn(fragility: FragileEnvironment): ChildProcess {
    const { controllerUrl, tokenFile, directory, brokers, transactions = HANDS_OVER } = this.#options
    const program = Object.keys(fragility).length === 0 ? PROGRAM : FRAGILE
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program], {
      env: {
        ...process.env,
        ...COMPILE_CACHE,
        TMPDIR: directory,
        ...fragility,
        DORMOUSE_CONTROLLERS: controllerUrl,
        DORMOUSE_TOKEN_FILE: tokenFile,
        DORMOUSE_REPORTER: `dispatcher-${++this.#started}`,
        DORMOUSE_KAFKA: brokers.join(','),
        DORMOUSE_KAFKA_TRANSACTIONS: String(transactions),
        DORMOUSE_LISTEN_HOST: '127.0.0.1',
        DORMOUSE_MANAGEMENT_PORT: '0',
        DORMOUSE_LOG_LEVEL: 'info',
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    child.stderr.on('data', (chunk: Buffer) => {
      const stderr = (this.#lastOf(child) + chunk.toString()).slice(-4_000)
      this.#said.set(child, stderr)
      const port = this.#ports.has(child) ? undefined : LISTENS.exec(stderr)?.[1]
      if (port !== undefined) this.#ports.set(child, Number(port))
    })
    child.once('close', (code, signal) => {
      const isAsTold = fragility.DIE_AT !== undefined && signal === 'SIGKILL'
      if (this.#running.delete(child) && !isAsTold)
        this.crashes.push(`ended by itself (${code ?? signal}): ${this.#lastOf(child)}`)
    })
    this.#running.add(child)
    return child
  }

  /** The metrics of those that run and listen, as text. */
  async scrapes(): Promise<string[]> {
    const ports = [...this.#running].flatMap((child) => this.#ports.get(child) ?? [])
    return Promise.all(ports.map(async (port) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()))
  }

  /** The oldest, with SIGTERM; settles when it has let go of everything and ended. */
  async stopOldest(): Promise<void> {
    const [oldest] = this.#running
    if (oldest !== undefined) await this.#end(oldest, 'SIGTERM')
  }

  /** Any of them, with SIGKILL. */
  async killOne(): Promise<void> {
    const all = [...this.#running]
    const one = all[Math.floor(Math.random() * all.length)]
    if (one !== undefined) await this.#end(one, 'SIGKILL')
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running].map((child) => this.#end(child, 'SIGTERM')))
  }

  async #end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
    this.#running.delete(child)
    const wasUp = this.#ports.has(child)
    const ended = once(child, 'close')
    child.kill(signal)
    const cut = setTimeout(() => child.kill('SIGKILL'), 60_000)
    const [code] = (await ended) as [number | null]
    clearTimeout(cut)
    // Nobody listens to signals yet in a process that is just loading its program; it holds nothing either.
    if (signal !== 'SIGTERM' || code === 0 || (!wasUp && child.signalCode === 'SIGTERM')) return
    this.crashes.push(`did not end in good order (${code ?? child.signalCode}): ${this.#lastOf(child)}`)
  }

  #lastOf(child: ChildProcess): string {
    return this.#said.get(child) ?? ''
  }
}
