/** Waiting for what real processes and sockets do, by looking again and again. */
import { setTimeout as delay } from 'node:timers/promises'

type Nothing = undefined | false

/**
 * What `probe` gives once it gives something. A probe that throws is asked again, too; after `withinMs` its error is thrown, or one that
 * says `what` was waited for (asked for then, when it is a function). The usual `withinMs` only says "it hangs": machines are slow and busy.
 */
export async function eventually<T>(
  what: string | (() => string),
  probe: () => T | Nothing | Promise<T | Nothing>,
  { withinMs = 30_000, everyMs = 5 }: { withinMs?: number; everyMs?: number } = {},
): Promise<T> {
  const untilMs = performance.now() + withinMs
  for (;;) {
    const isLate = performance.now() > untilMs
    try {
      const value = await probe()
      if (value !== undefined && value !== false) return value
    } catch (error) {
      if (isLate) throw error
    }
    if (isLate) throw new Error(`not within ${withinMs} ms: ${typeof what === 'string' ? what : what()}`)
    await delay(everyMs)
  }
}

/** Resolves when the condition holds; fails with its text. */
export async function until(holds: () => boolean | Promise<boolean>, withinMs?: number): Promise<void> {
  await eventually(String(holds), holds, withinMs === undefined ? {} : { withinMs })
}
