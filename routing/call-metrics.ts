/** Metrics every data plane has, under its own name: of calls by function, and of the feed. */
import type { ObjectKey } from '../api/names.ts'
import type { Metrics } from '../lib/metrics.ts'
import { bucketSamples, registerSamples, type Distribution, type Sample } from '../lib/sampled-metrics.ts'
import type { CallTally } from './call-tally.ts'
import type { Router } from './router.ts'

/** `dormouse_gateway` or `dormouse_dispatcher`. */
export type MetricPrefix = `dormouse_${string}`

/** By function; a function's series go when it is no longer in `tallies`. */
export interface TallyMetrics<T extends CallTally> {
  counter(name: string, help: string, read: (tally: T) => number): void
  counters(name: string, help: string, of: { label: string; read: (tally: T) => ReadonlyMap<string, number> }): void
  histogram(name: string, help: string, read: (tally: T) => Distribution): void
}

export function tallyMetrics<T extends CallTally>(
  metrics: Metrics,
  prefix: MetricPrefix,
  tallies: ReadonlyMap<ObjectKey, T>,
): TallyMetrics<T> {
  const register = (name: string, meta: { type: 'counter' | 'histogram'; help: string }, read: () => Sample[]) =>
    registerSamples(metrics, { name: `${prefix}_${name}`, ...meta }, read)
  return {
    counter: (name, help, read) =>
      register(name, { type: 'counter', help }, () =>
        [...tallies].map(([key, tally]) => ({ labels: { function: key }, value: read(tally) })),
      ),
    counters: (name, help, { label, read }) =>
      register(name, { type: 'counter', help }, () =>
        [...tallies].flatMap(([key, tally]) =>
          [...read(tally)].map(([text, value]) => ({ labels: { function: key, [label]: text }, value })),
        ),
      ),
    histogram: (name, help, read) =>
      register(name, { type: 'histogram', help }, () =>
        [...tallies].flatMap(([key, tally]) => bucketSamples(`${prefix}_${name}`, { function: key }, read(tally))),
      ),
  }
}

export function registerCalls(
  metrics: Metrics,
  prefix: MetricPrefix,
  tallies: ReadonlyMap<ObjectKey, CallTally>,
): void {
  const of = tallyMetrics(metrics, prefix, tallies)
  of.counter('billed_gb_seconds_total', 'Billed duration × memory limit.', (tally) => tally.gbSeconds)
  of.counters('activations_total', 'Wake-ups by outcome.', { label: 'outcome', read: (tally) => tally.activations })
  of.counters('replays_total', 'Calls sent again.', { label: 'reason', read: (tally) => tally.replays })
  const cold = `${prefix}_cold_start_seconds`
  registerSamples(metrics, { name: cold, type: 'histogram', help: 'Phases of calls that woke a pod.' }, () =>
    [...tallies].flatMap(([key, tally]) =>
      [...tally.coldStarts].flatMap(([phase, seen]) => bucketSamples(cold, { function: key, phase }, seen)),
    ),
  )
}

export function registerFeed(metrics: Metrics, prefix: MetricPrefix, router: Pick<Router, 'feed' | 'snapshot'>): void {
  const gauge = (name: string, help: string, read: () => number | undefined) =>
    registerSamples(metrics, { name: `${prefix}_${name}`, type: 'gauge', help }, () => {
      const value = read()
      return value === undefined ? [] : [{ labels: {}, value }]
    })
  gauge('feed_connected', '1 while the feed is connected.', () => Number(router.feed.connected))
  gauge('feed_age_seconds', 'Since the last message of the feed.', () =>
    router.feed.ageMs === undefined ? undefined : router.feed.ageMs / 1000,
  )
  gauge('feed_version', 'Version applied.', () => router.snapshot.version)
  gauge('functions', 'Functions known.', () => router.snapshot.functions.size)
}
