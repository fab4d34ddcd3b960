/**
 * Takes the feed from one controller replica and keeps the newest snapshot. When the feed is silent, cut, or says something that
 * does not fit, it goes to another replica with jittered back-off; the old snapshot stays, so warm functions are served on.
 */
import { feedMessageSchema, type FeedMessage } from '../api/protocol.ts'
import type { ObjectKey } from '../api/names.ts'
import { backoffMs } from '../lib/backoff.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { pause } from '../lib/pause.ts'
import type { ControllerClient } from './controller-client.ts'
import { SnapshotStore, type Applied, type Snapshot } from './snapshot.ts'

export interface FeedClientOptions {
  controllers: Pick<ControllerClient, 'urls' | 'open'>
  clock: Clock
  logger: Logger
  /** After every applied message that changed something. */
  onChange(snapshot: Snapshot, changed: ReadonlySet<ObjectKey>): void
  /** Without a message for so long the connection counts as dead; heartbeats come every 5 s. */
  silenceMs?: number
  /** 0 ≤ x < 1, for jitter and the first replica. */
  random?: () => number
}

const RETRY = { firstMs: 100, longestMs: 2_000 }

export class FeedClient {
  readonly #options: FeedClientOptions
  readonly #store = new SnapshotStore()
  readonly #stopped = new AbortController()
  #connected = false
  #lastMessageMs: number | undefined
  #failures = 0
  #pause = new AbortController()
  #running: Promise<void> | undefined

  constructor(options: FeedClientOptions) {
    this.#options = options
  }

  get snapshot(): Snapshot {
    return this.#store.snapshot
  }

  /** A snapshot has come at least once: requests can be answered. */
  get ready(): boolean {
    return this.snapshot.epoch !== undefined
  }

  get connected(): boolean {
    return this.#connected
  }

  /** Since the last message; undefined before the first. */
  get ageMs(): number | undefined {
    return this.#lastMessageMs === undefined ? undefined : this.#options.clock.now() - this.#lastMessageMs
  }

  start(): void {
    this.#running ??= this.#run()
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#running
  }

  /** A replica has come, or is about to listen: how long the others were away says nothing about it. */
  retryNow(): void {
    this.#failures = 0
    this.#pause.abort()
  }

  async #run(): Promise<void> {
    const { controllers, random = Math.random, logger } = this.#options
    let at: number | undefined
    while (!this.#stopped.signal.aborted) {
      const { urls } = controllers
      if (urls.length > 0) at = at === undefined ? Math.floor(random() * urls.length) : at + 1
      const url = urls[(at ?? 0) % urls.length]
      try {
        // None: their addresses are being looked up.
        if (url !== undefined) await this.#follow(url)
      } catch (error) {
        if (!this.#stopped.signal.aborted) logger.warn('feed lost', { controller: url, error })
      }
      this.#connected = false
      this.#pause = new AbortController()
      const ended = AbortSignal.any([this.#pause.signal, this.#stopped.signal])
      await pause(this.#options.clock, this.#backOffMs(random()), ended)
    }
  }

  /** Returns when the other side ends the feed; throws when it is silent, broken or cut. */
  async #follow(url: string): Promise<void> {
    const attempt = new AbortController()
    const signal = AbortSignal.any([attempt.signal, this.#stopped.signal])
    const silence = new Watch(this.#options.clock, this.#options.silenceMs ?? 15_000, () =>
      attempt.abort(new Error('the feed was silent for too long')),
    )
    const lines = new LineSplitter()
    try {
      for await (const chunk of await this.#options.controllers.open(url, '/v1/feed', signal)) {
        silence.reset()
        for (const line of lines.push(chunk)) this.#message(feedMessageSchema.parse(JSON.parse(line)))
      }
    } finally {
      silence.stop()
      attempt.abort()
    }
  }

  #message(message: FeedMessage): void {
    this.#lastMessageMs = this.#options.clock.now()
    switch (message.type) {
      case 'snapshot':
        this.#applied(this.#store.replace(message))
        this.#connected = true
        this.#failures = 0
        return
      case 'change':
        return this.#applied(this.#store.change(message))
      case 'heartbeat':
        return this.#store.heartbeat(message.version)
    }
  }

  #applied({ snapshot, changed }: Applied): void {
    this.#options.onChange(snapshot, changed)
  }

  #backOffMs(random: number): number {
    return backoffMs(++this.#failures, RETRY) * (0.5 + random / 2)
  }
}

/** Calls back once when it was not reset for `limitMs`. */
class Watch {
  readonly #start: () => () => void
  #cancel: () => void

  constructor(clock: Clock, limitMs: number, expired: () => void) {
    this.#start = () => clock.after(limitMs, expired)
    this.#cancel = this.#start()
  }

  reset(): void {
    this.#cancel()
    this.#cancel = this.#start()
  }

  stop(): void {
    this.#cancel()
  }
}

/** Bytes to whole lines; characters may be cut anywhere between two chunks. */
export class LineSplitter {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true })
  #rest = ''

  push(chunk: Uint8Array): string[] {
    const parts = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split('\n')
    this.#rest = parts.pop() ?? ''
    return parts.filter((line) => line !== '')
  }
}
