/** Looks from time to time, and when told, which of the topics that consumers want exist, and with how many partitions. */
import type { Clock } from '../../lib/clock.ts'
import type { TopicsView } from './kafka-client.ts'

export interface TopicWatchOptions {
  clock: Clock
  everyMs: number
  /** All that anybody wants. */
  wanted(): ReadonlySet<string>
  look(topics: readonly string[]): Promise<TopicsView>
  onView(view: TopicsView, asked: Asked): void
}

/** The view is of a later moment. */
export interface Asked {
  topics: ReadonlySet<string>
  askedMs: number
}

export class TopicWatch {
  readonly #options: TopicWatchOptions
  #cancel: (() => void) | undefined
  #looking: Promise<void> | undefined
  #isStale = false
  #isStopped = false

  constructor(options: TopicWatchOptions) {
    this.#options = options
  }

  /** There is somebody to look for. */
  start(): void {
    if (this.#cancel === undefined && this.#looking === undefined && !this.#isStopped) this.#lookLater()
  }

  /** Something has changed. */
  lookNow(): void {
    if (this.#options.wanted().size === 0 || this.#isStopped) return
    if (this.#looking !== undefined) {
      this.#isStale = true
      return
    }
    this.#cancel?.()
    this.#cancel = undefined
    this.#isStale = false
    this.#looking = this.#look().finally(() => {
      this.#looking = undefined
      if (this.#isStale) this.lookNow()
      else if (!this.#isStopped) this.#lookLater()
    })
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancel?.()
    await this.#looking
  }

  #lookLater(): void {
    const { clock, everyMs } = this.#options
    this.#cancel = undefined
    if (this.#options.wanted().size === 0) return
    this.#cancel = clock.after(everyMs, () => {
      this.#cancel = undefined
      this.lookNow()
    })
  }

  /** Consumers have errors of their own to tell of a cluster that cannot be asked. */
  async #look(): Promise<void> {
    const askedMs = this.#options.clock.now()
    const topics = this.#options.wanted()
    try {
      const view = await this.#options.look([...topics])
      if (!this.#isStopped) this.#options.onView(view, { topics, askedMs })
    } catch {
      return
    }
  }
}
