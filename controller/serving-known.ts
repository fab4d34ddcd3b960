import type { DormouseFunction } from '../api/function.ts'
import { keyOf } from '../api/names.ts'
import type { Cache } from '../kube/cluster.ts'
import type { Clock } from '../lib/clock.ts'
import type { ServingBook } from './functions/serving.ts'

/**
 * Resolves when every Function there is has been looked at once, after `limitMs`, or when `signal` aborts. A feed that began earlier would
 * tell data planes that functions are gone.
 */
export function servingKnown(
  functions: Pick<Cache<DormouseFunction>, 'list'>,
  serving: Pick<ServingBook, 'get' | 'onChange'>,
  { limitMs, clock, signal }: { limitMs: number; clock: Clock; signal: AbortSignal },
): Promise<void> {
  const missing = new Set(functions.list().map(({ metadata }) => keyOf(metadata)))
  for (const key of missing) if (serving.get(key)) missing.delete(key)
  return new Promise((resolve) => {
    const done = () => {
      cancel()
      unsubscribe()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.after(limitMs, done)
    const unsubscribe = serving.onChange((key) => missing.delete(key) && missing.size === 0 && done())
    signal.addEventListener('abort', done)
    if (missing.size === 0 || signal.aborted) done()
  })
}
