/** Values pushed at any rate → one reader. Unbounded: whoever pushes is the API server's watch, and the reader prints. */
export interface ValueStream<T> {
  push(value: T): void
  /** Ends after what is queued; with an error, throws it there. */
  end(error?: unknown): void
  readonly values: AsyncGenerator<T>
}

export function createValueStream<T>(signal: AbortSignal): ValueStream<T> {
  const queue: T[] = []
  let ended = signal.aborted
  let failure: { error: unknown } | undefined
  let wake: () => void = () => undefined
  const end = (error?: unknown) => {
    ended = true
    if (error !== undefined) failure ??= { error }
    wake()
  }
  signal.addEventListener('abort', () => end(), { once: true })
  async function* read(): AsyncGenerator<T> {
    for (;;) {
      const [value] = queue
      if (queue.length > 0) {
        queue.shift()
        yield value as T
      } else if (ended) {
        if (failure !== undefined) throw failure.error
        return
      } else await new Promise<void>((resolve) => (wake = resolve))
    }
  }
  return {
    push(value) {
      if (ended) return
      queue.push(value)
      wake()
    },
    end,
    values: read(),
  }
}
