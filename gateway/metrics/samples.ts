/** A metric whose samples are computed when scraped. prom-client's registry takes anything with `name` and `get`. */
import type { Metrics, Counter } from '../../lib/metrics.ts'

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

export function registerSamples(registry: Metrics['registry'], metric: SampledMetric, read: () => Sample[]): void {
  const sampled = {
    ...metric,
    get: () => Promise.resolve({ ...metric, values: read(), aggregator: 'sum' }),
    reset: () => undefined,
  }
  registry.registerMetric(sampled as unknown as Counter)
}
