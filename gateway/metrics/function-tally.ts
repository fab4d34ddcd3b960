/** What happened to one function's requests, as plain numbers: the hot path adds, a scrape reads. */
import { DURATION_BUCKETS } from '../../lib/metrics.ts'
import { Distribution } from '../../lib/sampled-metrics.ts'
import { addOne, CallTally } from '../../routing/call-tally.ts'

export class FunctionTally extends CallTally {
  /** By `1xx` … `5xx`, `broken`, `aborted`. */
  readonly requests = new Map<string, number>()
  readonly problems = new Map<string, number>()
  readonly duration = new Distribution(DURATION_BUCKETS)
  upgradesOpen = 0

  request(outcome: string, durationMs: number): void {
    addOne(this.requests, outcome)
    this.duration.observe(durationMs / 1000)
  }

  problem(code: string): void {
    addOne(this.problems, code)
  }
}

const OUTCOMES = ['0xx', '1xx', '2xx', '3xx', '4xx', '5xx']

/** Label of an answer with this status. */
export function outcomeOf(status: number): string {
  return OUTCOMES[Math.floor(status / 100)] ?? 'other'
}
