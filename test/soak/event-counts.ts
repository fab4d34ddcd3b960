/** What the metrics of dispatchers say of one Trigger, added up over them. Pure. */

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
