/** Values pushed at any rate → NDJSON lines for one reader. A reader that is too slow loses the oldest lines, never our memory. */

export interface LineStream {
  push(value: unknown): void
  /** Ends after what is queued. */
  end(): void
  /** To be read once; ends at once when `signal` aborts. */
  readonly lines: AsyncIterable<string>
}

const MAX_QUEUED = 10_000

export function createLineStream(signal: AbortSignal): LineStream {
  const queue: string[] = []
  let ended = signal.aborted
  let wake: () => void = () => undefined
  signal.addEventListener(
    'abort',
    () => {
      ended = true
      queue.length = 0
      wake()
    },
    { once: true },
  )
  async function* read(): AsyncGenerator<string> {
    for (;;) {
      // One write for all that is there: a burst of lines costs one packet.
      if (queue.length > 0) yield queue.splice(0).join('')
      else if (ended) return
      else await new Promise<void>((resolve) => (wake = resolve))
    }
  }
  return {
    push(value) {
      if (ended) return
      queue.push(`${JSON.stringify(value)}\n`)
      if (queue.length > MAX_QUEUED) queue.shift()
      wake()
    },
    end() {
      ended = true
      wake()
    },
    lines: read(),
  }
}
