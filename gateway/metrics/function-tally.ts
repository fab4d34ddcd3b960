/**
 * What happened to one function's requests, as plain numbers: the hot path adds, a scrape reads. prom-client's own children hash their
 * labels on every call, which costs more than routing does.
 */
import { COLD_START_BUCKETS, DURATION_BUCKETS } from '../../lib/metrics.ts'
import type { ColdStart } from '../proxy/cold-start.ts'

/** Seconds in buckets; counts are not cumulative. */
export class Distribution {
  readonly bounds: readonly number[]
  readonly counts: Float64Array
  sum = 0
  count = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  observe(seconds: number): void {
    let at = 0
    while (at < this.bounds.length && seconds > (this.bounds[at] as number)) at++
    this.counts[at] = (this.counts[at] as number) + 1
    this.sum += seconds
    this.count++
  }
}

export class FunctionTally {
  /** By `1xx` … `5xx`, `broken`, `aborted`. */
  readonly requests = new Map<string, number>()
  readonly problems = new Map<string, number>()
  readonly replays = new Map<string, number>()
  readonly activations = new Map<string, number>()
  readonly duration = new Distribution(DURATION_BUCKETS)
  readonly coldStarts = new Map<string, Distribution>()
  gbSeconds = 0
  upgradesOpen = 0

  request(outcome: string, durationMs: number): void {
    add(this.requests, outcome)
    this.duration.observe(durationMs / 1000)
  }

  problem(code: string): void {
    add(this.problems, code)
  }

  billed(durationMs: number, memoryMb: number): void {
    this.gbSeconds += (durationMs / 1000) * (memoryMb / 1024)
  }

  replay(reason: string): void {
    add(this.replays, reason)
  }

  activation(outcome: string): void {
    add(this.activations, outcome)
  }

  coldStart(phases: ColdStart): void {
    for (const [phase, ms] of Object.entries(phases) as [string, number][]) {
      const seen = this.coldStarts.get(phase) ?? new Distribution(COLD_START_BUCKETS)
      this.coldStarts.set(phase, seen)
      seen.observe(ms / 1000)
    }
  }
}

const OUTCOMES = ['0xx', '1xx', '2xx', '3xx', '4xx', '5xx']

/** Label of an answer with this status. */
export function outcomeOf(status: number): string {
  return OUTCOMES[Math.floor(status / 100)] ?? 'other'
}

function add(counts: Map<string, number>, label: string): void {
  counts.set(label, (counts.get(label) ?? 0) + 1)
}
