import type { ConsumerHandlers } from './event-log.ts'

/** Calls a consumer's handlers so that one that throws is told of and stops nothing. */
export class HandlerGuard {
  readonly #handlers: Pick<ConsumerHandlers, 'onError'>

  constructor(handlers: Pick<ConsumerHandlers, 'onError'>) {
    this.#handlers = handlers
  }

  tell(what: () => void): void {
    try {
      what()
    } catch (error) {
      this.report(error)
    }
  }

  report(error: unknown): void {
    this.#handlers.onError?.(error instanceof Error ? error : new Error(String(error)))
  }
}
