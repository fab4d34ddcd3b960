/** Where a cold start's time goes: what the gateways' histograms of its phases gained since they were opened. */
import type { BenchCluster } from './bench-cluster.ts'
import { scrape, type Series } from './scrape.ts'

const NAME = 'dormouse_gateway_cold_start_seconds'

interface Phase {
  sum: number
  count: number
  /** Cumulative, by upper bound in seconds. */
  buckets: Map<number, number>
}

export class PhaseTimes {
  readonly #bed: BenchCluster
  readonly #before: ReadonlyMap<string, Phase>

  private constructor(bed: BenchCluster, before: ReadonlyMap<string, Phase>) {
    this.#bed = bed
    this.#before = before
  }

  static async open(bed: BenchCluster): Promise<PhaseTimes> {
    return new PhaseTimes(bed, phasesOf(await scrape(bed.api, 'gateway')))
  }

  /** Means, and the bounds of the buckets in which the 50th and the 95th percentile are. */
  async print(title: string): Promise<void> {
    const now = phasesOf(await scrape(this.#bed.api, 'gateway'))
    console.log(`\n${title}: phase | calls | mean | p50 ≤ | p95 ≤`)
    for (const [name, phase] of now) {
      const before = this.#before.get(name)
      const count = phase.count - (before?.count ?? 0)
      if (count === 0) continue
      const mean = ((phase.sum - (before?.sum ?? 0)) / count) * 1_000
      const bound = (rank: number) => (boundOf(phase, before, rank * count) * 1_000).toFixed(0)
      console.log(`${name} | ${count} | ${mean.toFixed(1)} ms | ${bound(0.5)} ms | ${bound(0.95)} ms`)
    }
  }
}

function boundOf({ buckets }: Phase, before: Phase | undefined, wanted: number): number {
  const sorted = [...buckets].sort(([a], [b]) => a - b)
  return sorted.find(([bound, count]) => count - (before?.buckets.get(bound) ?? 0) >= wanted)?.[0] ?? Infinity
}

function phasesOf(series: readonly Series[]): Map<string, Phase> {
  const phases = new Map<string, Phase>()
  for (const { name, labels, value } of series) {
    const { phase } = labels
    if (!name.startsWith(NAME) || phase === undefined) continue
    const known = phases.get(phase) ?? { sum: 0, count: 0, buckets: new Map<number, number>() }
    phases.set(phase, known)
    if (name === `${NAME}_sum`) known.sum += value
    if (name === `${NAME}_count`) known.count += value
    if (name !== `${NAME}_bucket`) continue
    const bound = Number(labels['le']?.replace('+Inf', 'Infinity'))
    known.buckets.set(bound, (known.buckets.get(bound) ?? 0) + value)
  }
  return phases
}
