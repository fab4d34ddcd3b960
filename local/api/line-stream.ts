/** Values pushed at any rate → NDJSON lines for one reader. A reader that is too slow loses the oldest lines, never our memory. */

export interface LineStream {
  push(value: unknown): void
  /** Ends after what is queued. */
  end(): void
  /** To be read once; ends at once when `signal` aborts. */
  readonly lines: AsyncIterable<string>
}

export interface LineStreamOptions {
  /** Before all that is pushed; none of it is lost. */
  first?: readonly unknown[]
  /** What is told in place of so many values that were lost; default: nothing. */
  lost?: (count: number) => unknown
}

const MAX_QUEUED = 10_000
const MAX_QUEUED_CHARACTERS = 8 * 1024 * 1024

export function createLineStream(signal: AbortSignal, { first = [], lost }: LineStreamOptions = {}): LineStream {
  const queue = new BoundedQueue()
  let ended = signal.aborted
  let wake: () => void = () => undefined
  signal.addEventListener(
    'abort',
    () => {
      ended = true
      queue.takeAll()
      wake()
    },
    { once: true },
  )
  async function* read(): AsyncGenerator<string> {
    if (first.length > 0) yield first.map(lineOf).join('')
    for (;;) {
      const missing = queue.takeLost()
      if (missing > 0 && lost !== undefined) yield lineOf(lost(missing))
      // One write for all that is there: a burst of lines costs one packet.
      if (queue.hasLines) yield queue.takeAll()
      else if (ended) return
      else await new Promise<void>((resolve) => (wake = resolve))
    }
  }
  return {
    push(value) {
      if (ended) return
      queue.push(lineOf(value))
      wake()
    },
    end() {
      ended = true
      wake()
    },
    lines: read(),
  }
}

const lineOf = (value: unknown) => `${JSON.stringify(value)}\n`

class BoundedQueue {
  #lines: string[] = []
  #characters = 0
  #lost = 0

  get hasLines(): boolean {
    return this.#lines.length > 0
  }

  push(line: string): void {
    this.#lines.push(line)
    this.#characters += line.length
    while (this.#lines.length > MAX_QUEUED || (this.#characters > MAX_QUEUED_CHARACTERS && this.#lines.length > 1)) {
      this.#characters -= this.#lines.shift()?.length ?? 0
      this.#lost++
    }
  }

  takeAll(): string {
    const all = this.#lines.join('')
    this.#lines = []
    this.#characters = 0
    return all
  }

  /** How many were lost since this was asked last. */
  takeLost(): number {
    const lost = this.#lost
    this.#lost = 0
    return lost
  }
}
