/**
 * Metrics whose samples are computed when scraped, from plain numbers that hot paths add to: prom-client's own children hash their labels on
 * every call, which costs more than routing does.
 */
import type { Counter, Metrics } from './metrics.ts'

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

export interface Sample {
  /** For the parts of a histogram. */
  metricName?: string
  labels: Record<string, string | number>
  value: number
}

export interface SampledMetric {
  name: string
  help: string
  type: 'counter' | 'gauge' | 'histogram'
}

/** prom-client's registry takes anything with `name` and `get`. */
export function registerSamples({ registry }: Metrics, metric: SampledMetric, read: () => Sample[]): void {
  const sampled = {
    ...metric,
    get: () => Promise.resolve({ ...metric, values: read(), aggregator: 'sum' }),
    reset: () => undefined,
  }
  registry.registerMetric(sampled as unknown as Counter)
}

/** Of one series of the histogram `name`. */
export function bucketSamples(name: string, labels: Record<string, string>, seen: Distribution): Sample[] {
  let total = 0
  const buckets = [...seen.bounds, Infinity].map((bound, at) => {
    total += seen.counts[at] ?? 0
    const le = bound === Infinity ? '+Inf' : bound
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: total }
  })
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: seen.sum },
    { metricName: `${name}_count`, labels, value: seen.count },
  ]
}
