/** Steady calls while something happens to what answers them. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Answer } from './call.ts'

export interface Load {
  /** Answers other than 200, and calls that got none: what came, and when. Of each status or error the first few. */
  readonly failures: string[]
  readonly served: number
  readonly slowestMs: number
  /** Settles when that many more are served. Throws when they are not within `withinMs`. */
  more(count: number, withinMs?: number): Promise<void>
  /** Settles when the calls under way have ended. */
  end(): Promise<void>
}

export interface LoadOptions {
  /** Calls at a time, each after the other. */
  workers: number
  /** Between two calls of one worker. */
  pauseMs?: number
}

const MOST_TOLD = 20
/** An answer that fails at once would be asked for in a tight loop. */
const AFTER_FAILURE_MS = 20

export function startLoad(next: () => Promise<Answer>, { workers, pauseMs = 5 }: LoadOptions): Load {
  const failures: string[] = []
  const told = new Map<string, number>()
  let served = 0
  let slowestMs = 0
  let ended = false
  const failed = async (what: string) => {
    // Many of one kind, which a test may expect, must not hide one of another.
    const kind = what.split(' ', 1)[0] ?? ''
    const count = (told.get(kind) ?? 0) + 1
    told.set(kind, count)
    if (count <= MOST_TOLD) failures.push(`${new Date().toISOString()} ${what}`)
    await delay(AFTER_FAILURE_MS)
  }
  const work = async () => {
    while (!ended) {
      try {
        const { status, text, tookMs } = await next()
        slowestMs = Math.max(slowestMs, tookMs)
        if (status === 200) served++
        else await failed(`${status} ${text.slice(0, 200)}`)
      } catch (error) {
        await failed(describeError(error))
      }
      await delay(pauseMs)
    }
  }
  const running = Array.from({ length: workers }, work)
  return {
    failures,
    get served() {
      return served
    },
    get slowestMs() {
      return slowestMs
    },
    async more(count, withinMs = 30_000) {
      const want = served + count
      const untilMs = performance.now() + withinMs
      while (served < want) {
        if (performance.now() > untilMs)
          throw new Error(`${want - served} of ${count} calls not served within ${withinMs} ms: ${failures.join('; ')}`)
        await delay(20)
      }
    },
    async end() {
      ended = true
      await Promise.all(running)
    },
  }
}

/** Ends the calls however `run` ends. Resolves with what failed of them. */
export async function whileCalling(
  next: () => Promise<Answer>,
  options: LoadOptions,
  run: (load: Load) => Promise<void>,
): Promise<readonly string[]> {
  const load = startLoad(next, options)
  try {
    await run(load)
  } finally {
    await load.end()
  }
  return load.failures
}

function describeError(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string }
  return [code, message].filter((part) => part !== undefined).join(' ')
}
