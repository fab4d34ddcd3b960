/** A closed loop of callers against one URL: each sends its next request when the last is answered. Counts everything. */
import { Pool } from 'undici'
import { errorText } from '../../lib/error-text.ts'

export interface Load {
  /** Since the last call, and reset. */
  window(): { ratePerSecond: number; p50Ms: number; p99Ms: number }
  readonly answered: number
  readonly failures: readonly string[]
  /** Answers by their text. */
  readonly answers: ReadonlyMap<string, number>
  /** The text of the last answer. */
  readonly last: string
  stop(): Promise<void>
}

export function startLoad(url: string, callers: number): Load {
  const { origin, pathname } = new URL(url)
  const pool = new Pool(origin, { connections: callers, headersTimeout: 10_000, bodyTimeout: 10_000 })
  const failures: string[] = []
  const answers = new Map<string, number>()
  let latencies: number[] = []
  let windowStartedAt = performance.now()
  let answered = 0
  let last = ''
  let stopped = false

  const once = async () => {
    const startedAt = performance.now()
    try {
      const headers = { 'content-type': 'application/json' }
      const { statusCode, body } = await pool.request({ method: 'POST', path: pathname, headers, body: '{}' })
      const text = (await body.text()).trim()
      if (statusCode !== 200) throw new Error(`${statusCode} ${text.slice(0, 120)}`)
      answered += 1
      last = text
      answers.set(text, (answers.get(text) ?? 0) + 1)
      latencies.push(performance.now() - startedAt)
    } catch (error) {
      failures.push(errorText(error))
    }
  }
  const caller = async () => {
    while (!stopped) await once()
  }
  const running = Promise.all(Array.from({ length: callers }, caller))
  return {
    window() {
      const sorted = latencies.sort((a, b) => a - b)
      const seconds = (performance.now() - windowStartedAt) / 1000
      latencies = []
      windowStartedAt = performance.now()
      const at = (share: number) => sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? 0
      return { ratePerSecond: sorted.length / seconds, p50Ms: at(0.5), p99Ms: at(0.99) }
    },
    get answered() {
      return answered
    },
    get last() {
      return last
    },
    failures,
    answers,
    async stop() {
      stopped = true
      await running
      await pool.close()
    },
  }
}
