/** The one place that knows prom-client. Processes create one registry each and hand it down; nothing is registered globally. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

export type { Counter, Gauge, Histogram, Registry } from 'prom-client'

export interface MetricOptions<L extends string> {
  /** `dormouse_<part>_<what>_<unit>`. */
  name: string
  help: string
  labels?: readonly L[]
}

export interface Metrics {
  readonly registry: Registry
  /** `collect` runs at every scrape: for counts that are kept elsewhere. */
  counter<L extends string = never>(options: MetricOptions<L> & { collect?: (counter: Counter<L>) => void }): Counter<L>
  gauge<L extends string = never>(options: MetricOptions<L> & { collect?: (gauge: Gauge<L>) => void }): Gauge<L>
  histogram<L extends string = never>(options: MetricOptions<L> & { buckets: readonly number[] }): Histogram<L>
}

/** Seconds: from a warm call on loopback to the longest timeout. */
export const DURATION_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900]
/** Seconds: phases of a wake-up. */
export const COLD_START_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 10]

export function createMetrics(options: { processMetrics?: boolean } = {}): Metrics {
  const registry = new Registry()
  if (options.processMetrics === true) collectDefaultMetrics({ register: registry })
  const base = <L extends string>({ name, help, labels }: MetricOptions<L>) => ({
    name,
    help,
    labelNames: [...(labels ?? [])],
    registers: [registry],
  })
  return {
    registry,
    counter: (o) => {
      const { collect } = o
      return new Counter({
        ...base(o),
        ...(collect && {
          collect() {
            collect(this)
          },
        }),
      })
    },
    gauge: (o) => {
      const { collect } = o
      return new Gauge({
        ...base(o),
        ...(collect && {
          collect() {
            collect(this)
          },
        }),
      })
    },
    histogram: (o) => new Histogram({ ...base(o), buckets: [...o.buckets] }),
  }
}
