import type { Logger } from '../../lib/logger.ts'

const MOST_REMEMBERED = 200
const TEXT = /^\d{3} \S+ "((?:[^"\\]|\\.)*)"/

/** `Warning` headers of the API server (deprecated versions, unknown fields), each text once. */
export class WarningLog {
  readonly #logger: Logger
  readonly #said = new Set<string>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  say(headers: string | string[] | undefined): void {
    if (headers === undefined) return
    for (const header of [headers].flat()) {
      const text = TEXT.exec(header)?.[1]?.replace(/\\(.)/g, '$1') ?? header
      if (this.#said.has(text)) continue
      if (this.#said.size >= MOST_REMEMBERED) this.#said.clear()
      this.#said.add(text)
      this.#logger.warn('the API server warns', { warning: text })
    }
  }
}
