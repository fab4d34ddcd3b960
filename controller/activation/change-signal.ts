import type { ObjectKey } from '../../api/names.ts'

/** Lets several wait for the next change of one function, each with its own end of patience. */
export class ChangeSignal {
  readonly #waiting = new Map<ObjectKey, Set<() => void>>()

  changed(key: ObjectKey): void {
    const waiting = this.#waiting.get(key)
    this.#waiting.delete(key)
    waiting?.forEach((wake) => wake())
  }

  /** Resolves with the next change, or when the signal aborts. */
  next(key: ObjectKey, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve()
      const waiting = this.#waiting.get(key) ?? new Set()
      const wake = () => {
        signal.removeEventListener('abort', wake)
        waiting.delete(wake)
        resolve()
      }
      this.#waiting.set(key, waiting.add(wake))
      signal.addEventListener('abort', wake)
    })
  }
}
