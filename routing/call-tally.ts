/** What became of one function's calls, as plain numbers: the hot path adds, a scrape reads (call-metrics.ts). */
import { COLD_START_BUCKETS } from '../lib/metrics.ts'
import { Distribution } from '../lib/sampled-metrics.ts'
import type { ColdStart } from './cold-start.ts'

export class CallTally {
  readonly replays = new Map<string, number>()
  readonly activations = new Map<string, number>()
  readonly coldStarts = new Map<string, Distribution>()
  gbSeconds = 0

  billed(durationMs: number, memoryMb: number): void {
    this.gbSeconds += (durationMs / 1000) * (memoryMb / 1024)
  }

  replay(reason: string): void {
    addOne(this.replays, reason)
  }

  activation(outcome: string): void {
    addOne(this.activations, outcome)
  }

  coldStart(phases: ColdStart): void {
    for (const [phase, ms] of Object.entries(phases) as [string, number][]) {
      const seen = this.coldStarts.get(phase) ?? new Distribution(COLD_START_BUCKETS)
      this.coldStarts.set(phase, seen)
      seen.observe(ms / 1000)
    }
  }
}

export function addOne(counts: Map<string, number>, label: string): void {
  counts.set(label, (counts.get(label) ?? 0) + 1)
}
