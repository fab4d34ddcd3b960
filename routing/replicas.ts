/**
 * Which controller replicas there are: base URLs, and for host names every address they resolve to, looked up again and again. Promises that
 * what is known is kept while nobody can say better: a resolver that is away, or an answer without addresses, takes no replica away.
 */
import { lookup as resolve } from 'node:dns/promises'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { SparingLog } from '../lib/sparing-log.ts'
import { replicaUrls, sharedHost } from './replica-urls.ts'

/** All addresses of a host, v4 and v6. Rejects when there is no answer. */
export type Lookup = (host: string) => Promise<readonly string[]>

export interface ReplicasOptions {
  /** Base URLs; a host name stands for all its addresses. */
  urls: readonly string[]
  clock: Clock
  logger: Logger
  /** Default: as the machine resolves names, with its search domains and hosts file. */
  lookup?: Lookup
  /** They are no more: calls to them should end. */
  onGone?: (urls: readonly string[]) => void
  /** There is one that was not there: who waits to try again need not. */
  onCome?: () => void
}

/** Between two looks when nothing happens. */
const EVERY_MS = 2_000
/** After a call that failed, and at the beginning; nearer together they tell nothing new. */
const SOON_MS = 250

export class Replicas {
  readonly #options: ReplicasOptions
  readonly #hosts: readonly string[]
  readonly #addresses = new Map<string, readonly string[]>()
  readonly #log: SparingLog
  #urls: readonly string[]
  #lastLookMs = -Infinity
  #isLooking = false
  #isStopped = false
  #cancel: () => void = () => undefined

  constructor(options: ReplicasOptions) {
    const urls = options.urls.map((url) => url.replace(/\/+$/, ''))
    this.#options = { ...options, urls }
    this.#hosts = [...new Set(urls.flatMap((url) => sharedHost(url) ?? []))]
    this.#log = new SparingLog(options)
    this.#urls = replicaUrls(urls, this.#addresses)
  }

  get urls(): readonly string[] {
    return this.#urls
  }

  start(): void {
    void this.#look()
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel()
  }

  /** A replica did not answer: others may have come in its place. */
  failed(): void {
    if (this.#isLooking || this.#isStopped || this.#hosts.length === 0) return
    const waitMs = this.#lastLookMs + SOON_MS - this.#options.clock.now()
    if (waitMs <= 0) void this.#look()
    else this.#lookIn(waitMs)
  }

  async #look(): Promise<void> {
    if (this.#isLooking || this.#isStopped || this.#hosts.length === 0) return
    this.#isLooking = true
    this.#cancel()
    await Promise.all(this.#hosts.map((host) => this.#resolve(host)))
    this.#isLooking = false
    this.#lastLookMs = this.#options.clock.now()
    if (this.#isStopped) return
    this.#update()
    this.#lookIn(this.#urls.length === 0 ? SOON_MS : EVERY_MS)
  }

  #lookIn(delayMs: number): void {
    this.#cancel()
    this.#cancel = this.#options.clock.after(delayMs, () => void this.#look())
  }

  async #resolve(host: string): Promise<void> {
    const { lookup = resolveAll } = this.#options
    try {
      const addresses = await lookup(host)
      if (addresses.length > 0) this.#addresses.set(host, addresses)
    } catch (error) {
      const known = this.#addresses.get(host)
      const consequence = known === undefined ? 'no controller is known' : 'the known controllers are kept'
      this.#log.warn(host, `the addresses of ${host} cannot be resolved: ${consequence}`, { error, known })
    }
  }

  #update(): void {
    const before = this.#urls
    const now = replicaUrls(this.#options.urls, this.#addresses)
    const gone = before.filter((url) => !now.includes(url))
    const isSame = gone.length === 0 && now.length === before.length
    if (isSame) return
    this.#urls = now
    this.#options.logger.info('controllers changed', { controllers: now, gone })
    if (gone.length > 0) this.#options.onGone?.(gone)
    if (now.some((url) => !before.includes(url))) this.#options.onCome?.()
  }
}

async function resolveAll(host: string): Promise<string[]> {
  return (await resolve(host, { all: true })).map(({ address }) => address)
}
