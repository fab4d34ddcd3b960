/** Values pushed at any rate → one reader. Unbounded: whoever pushes more than the API server's watch does waits for room. */
export interface ValueStream<T> {
  push(value: T): void
  /** Resolves once the reader has taken enough, or it is over. */
  room(): Promise<void>
  /** Ends after what is queued; with an error, throws it there. */
  end(error?: unknown): void
  readonly values: AsyncGenerator<T>
}

const MANY = 1_000

export function createValueStream<T>(signal: AbortSignal): ValueStream<T> {
  const queue: T[] = []
  let ended = signal.aborted
  let failure: { error: unknown } | undefined
  let wake: () => void = () => undefined
  const waiting: (() => void)[] = []
  const goOn = () => waiting.splice(0).forEach((each) => each())
  const end = (error?: unknown) => {
    ended = true
    if (error !== undefined) failure ??= { error }
    wake()
    goOn()
  }
  signal.addEventListener('abort', () => end(), { once: true })
  async function* read(): AsyncGenerator<T> {
    for (;;) {
      const [value] = queue
      if (queue.length > 0) {
        queue.shift()
        if (queue.length < MANY) goOn()
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
    async room() {
      if (queue.length >= MANY && !ended) await new Promise<void>((resolve) => waiting.push(resolve))
    },
    end,
    values: read(),
  }
}
