/** What the metrics of dispatchers say of one Trigger, added up over them, and what they should say. Pure. */
import type { SeenCall } from './accounting.ts'

export interface EventCounts {
  /** By outcome: `done`, or the class of the error. */
  attempts: Record<string, number>
  /** By delay in milliseconds. */
  retries: Record<string, number>
  /** By class of error. */
  deadLetters: Record<string, number>
  held: number
  duplicatesSkipped: number
  publishFailures: number
  commitFailures: number
  logErrors: number
  rebalances: number
}

/** Those that tell what became of calls. */
export type CallCounts = Pick<EventCounts, 'attempts' | 'retries' | 'deadLetters'>

/** How a soak's function fails, and how often and after what it is called again. */
export const FAILURE = 'http-5xx'
export const RETRY_DELAYS_MS = [100, 200] as const

/** What the metrics say when all of these calls were counted. */
export function countsOfCalls(calls: readonly Pick<SeenCall, 'isOk' | 'attempt'>[]): CallCounts {
  const failed = (attempt: number) => calls.filter((call) => !call.isOk && call.attempt === attempt).length
  const retries = RETRY_DELAYS_MS.map((delayMs, index) => [delayMs, failed(index + 1)] as const)
  return withoutZeros({
    attempts: { done: calls.filter(({ isOk }) => isOk).length, [FAILURE]: calls.filter(({ isOk }) => !isOk).length },
    retries: Object.fromEntries(retries),
    deadLetters: { [FAILURE]: failed(RETRY_DELAYS_MS.length + 1) },
  })
}

export function countsSince(after: CallCounts, before: CallCounts): CallCounts {
  const less = (name: keyof CallCounts) =>
    Object.fromEntries(Object.entries(after[name]).map(([key, count]) => [key, count - (before[name][key] ?? 0)]))
  return withoutZeros({ attempts: less('attempts'), retries: less('retries'), deadLetters: less('deadLetters') })
}

function withoutZeros({ attempts, retries, deadLetters }: CallCounts): CallCounts {
  const counted = (counts: Record<string, number>) =>
    Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0))
  return { attempts: counted(attempts), retries: counted(retries), deadLetters: counted(deadLetters) }
}

const SAMPLE = /^dormouse_dispatcher_(\w+)\{(.*)\} (\S+)$/gm

/** `scrapes`: the text of each dispatcher; `trigger`: namespace/name. What is zero has no key in the records. */
export function countsOf(scrapes: readonly string[], trigger: string): EventCounts {
  const samples = scrapes.flatMap((text) =>
    [...text.matchAll(SAMPLE)]
      .filter(([, , labels = '']) => labels.includes(`name="${trigger}"`))
      .map(([, name = '', labels = '', value]) => ({ name, labels, value: Number(value) })),
  )
  const by = (name: string, label: string) => {
    const sums: Record<string, number> = {}
    for (const { labels, value } of samples.filter((sample) => sample.name === name)) {
      const key = new RegExp(`${label}="([^"]*)"`).exec(labels)?.[1] ?? ''
      if (value > 0) sums[key] = (sums[key] ?? 0) + value
    }
    return sums
  }
  const sum = (name: string) => Object.values(by(name, 'name')).reduce((total, value) => total + value, 0)
  return {
    attempts: by('attempts_total', 'outcome'),
    retries: by('retries_total', 'delay'),
    deadLetters: by('dead_letters_total', 'class'),
    held: sum('held_total'),
    duplicatesSkipped: sum('duplicates_skipped_total'),
    publishFailures: sum('publish_failures_total'),
    commitFailures: by('commits_total', 'outcome')['failed'] ?? 0,
    logErrors: sum('log_errors_total'),
    rebalances: sum('rebalances_total'),
  }
}
