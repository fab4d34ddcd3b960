import type { Clock } from './clock.ts'
import type { LogFields, Logger } from './logger.ts'

/** More kinds than this at a time are not told apart from new ones. */
const MOST_KINDS = 1_000

/**
 * Warnings of which many come for one reason, as when what everything connects to is away: one of a kind in a while, the others for those
 * who debug. With the next one of its kind comes how many there were.
 */
export class SparingLog {
  readonly #options: { logger: Logger; clock: Clock; everyMs?: number }
  readonly #kinds = new Map<string, { saidMs: number; unsaid: number }>()

  constructor(options: { logger: Logger; clock: Clock; everyMs?: number }) {
    this.#options = options
  }

  warn(kind: string, message: string, fields: LogFields): void {
    const { logger, clock, everyMs = 60_000 } = this.#options
    const known = this.#kinds.get(kind)
    if (known !== undefined && clock.now() < known.saidMs + everyMs) {
      known.unsaid += 1
      return logger.debug(message, fields)
    }
    if (this.#kinds.size >= MOST_KINDS) this.#kinds.clear()
    this.#kinds.set(kind, { saidMs: clock.now(), unsaid: 0 })
    logger.warn(message, { ...fields, ...(known && known.unsaid > 0 && { alsoBefore: known.unsaid }) })
  }
}
