/**
 * Requests for what this gateway has not heard of, held for a moment: whoever the API told that a Function is Ready may be here before the feed is.
 * Bounded in time and number; whoever comes on top is answered at once.
 */
import type { Clock } from '../../lib/clock.ts'

export interface LatecomersOptions {
  clock: Clock
  /** Calls the listener after every change of what the gateway knows; returns the unsubscribe. */
  onNews: (listener: () => void) => () => void
  /** A change reaches all replicas of the controller, and their gateways, within it. */
  limitMs?: number
  /** Without the feed nothing reaches us: it comes back within a few seconds where controllers are. */
  hasFeed?: () => boolean
  /** Held at once. */
  most?: number
}

const LIMIT_MS = 250
const LIMIT_WITHOUT_FEED_MS = 5_000
const MOST = 256

export class Latecomers {
  readonly #options: LatecomersOptions
  readonly #held = new Set<() => void>()
  #unsubscribe: (() => void) | undefined

  constructor(options: LatecomersOptions) {
    this.#options = options
  }

  /**
   * Calls `again` after news until it is true, and `late` when there were none that helped. False: not held. Nothing is called after the
   * returned function has been.
   */
  hold(again: () => boolean, late: () => void): (() => void) | false {
    const { clock, most = MOST } = this.#options
    if (this.#held.size >= most) return false
    const leave = () => {
      cancel()
      this.#leave(look)
    }
    const look = () => {
      if (again()) leave()
    }
    const cancel = clock.after(this.#limitMs(), () => {
      leave()
      late()
    })
    this.#held.add(look)
    this.#unsubscribe ??= this.#options.onNews(() => this.#held.forEach((look) => look()))
    return leave
  }

  #limitMs(): number {
    const { limitMs = LIMIT_MS, hasFeed = () => true } = this.#options
    return hasFeed() ? limitMs : LIMIT_WITHOUT_FEED_MS
  }

  #leave(look: () => void): void {
    this.#held.delete(look)
    if (this.#held.size > 0) return
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
  }
}
