/**
 * Which controller replicas did not answer when they were spoken to last. A node that is gone closes no connection: without this every wake-up
 * that falls to its replica would wait for it until the cluster takes its address away. Load reports, one a second to each, find out and forgive.
 */

/** Calls in a row without an answer after which nobody waits for a replica: one may only be slow, and whoever is asked in its place does it again. */
const MISSES_BEFORE_LEAVING = 2

export class SilentReplicas {
  readonly #misses = new Map<string, number>()
  readonly #watches = new Map<string, Set<AbortController>>()

  /** Those that answer first; among equals as they came. */
  order(urls: readonly string[]): string[] {
    return [...urls.filter((url) => !this.#misses.has(url)), ...urls.filter((url) => this.#misses.has(url))]
  }

  /** It has answered, or is none any more. */
  forget(url: string): void {
    this.#misses.delete(url)
  }

  /** `all`: where there is another that answers, who waits for this one need not wait on. */
  missed(url: string, all: readonly string[]): void {
    const misses = (this.#misses.get(url) ?? 0) + 1
    this.#misses.set(url, misses)
    if (misses < MISSES_BEFORE_LEAVING || all.every((other) => this.#misses.has(other))) return
    for (const watch of this.#watches.get(url) ?? []) watch.abort(new Error(`${url} is silent, another is not`))
  }

  /** Aborts when the replica is found silent for long. `end` must follow. */
  watch(url: string): { signal: AbortSignal; end: () => void } {
    const controller = new AbortController()
    const watches = this.#watches.get(url) ?? new Set()
    this.#watches.set(url, watches.add(controller))
    const end = () => {
      watches.delete(controller)
      if (watches.size === 0 && this.#watches.get(url) === watches) this.#watches.delete(url)
    }
    return { signal: controller.signal, end }
  }
}
