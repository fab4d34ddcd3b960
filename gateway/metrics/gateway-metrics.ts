/** The gateway's metrics: tallies per function turned into samples when scraped. A deleted function's series go with its tally. */
import type { ObjectKey } from '../../api/names.ts'
import type { Metrics } from '../../lib/metrics.ts'
import type { Router } from '../../routing/router.ts'
import { FunctionTally, type Distribution } from './function-tally.ts'
import { registerSamples, type Sample } from './samples.ts'

export class GatewayMetrics {
  readonly #tallies = new Map<ObjectKey, FunctionTally>()
  /** Problems of requests that never reached a function, by code. */
  readonly #rejected = new Map<string, number>()

  tally(key: ObjectKey): FunctionTally {
    const known = this.#tallies.get(key)
    if (known !== undefined) return known
    const created = new FunctionTally()
    this.#tallies.set(key, created)
    return created
  }

  forget(key: ObjectKey): void {
    this.#tallies.delete(key)
  }

  rejected(code: string): void {
    this.#rejected.set(code, (this.#rejected.get(code) ?? 0) + 1)
  }

  register(metrics: Metrics, router: Router): void {
    this.#registerRequests(metrics)
    this.#registerWaking(metrics)
    this.#registerState(metrics, router)
  }

  #registerRequests({ registry }: Metrics): void {
    const prefix = 'dormouse_gateway'
    registerSamples(
      registry,
      { name: `${prefix}_requests_total`, type: 'counter', help: 'Requests by how they ended.' },
      () => this.#counts('outcome', (tally) => tally.requests),
    )
    registerSamples(
      registry,
      { name: `${prefix}_errors_total`, type: 'counter', help: 'Answers given by the platform.' },
      () => this.#counts('code', (tally) => tally.problems),
    )
    registerSamples(
      registry,
      { name: `${prefix}_rejected_total`, type: 'counter', help: 'Requests that reached no function.' },
      () => [...this.#rejected].map(([code, value]) => ({ labels: { code }, value })),
    )
    const duration = `${prefix}_request_duration_seconds`
    registerSamples(registry, { name: duration, type: 'histogram', help: 'Arrival to last byte from the pod.' }, () =>
      [...this.#tallies].flatMap(([key, tally]) => bucketSamples(duration, { function: key }, tally.duration)),
    )
    const billed = `${prefix}_billed_gb_seconds_total`
    registerSamples(registry, { name: billed, type: 'counter', help: 'Duration × memory limit.' }, () =>
      this.#each((tally) => tally.gbSeconds),
    )
  }

  #registerWaking({ registry }: Metrics): void {
    const prefix = 'dormouse_gateway'
    const cold = `${prefix}_cold_start_seconds`
    registerSamples(registry, { name: cold, type: 'histogram', help: 'Phases of requests that woke a pod.' }, () =>
      [...this.#tallies].flatMap(([key, tally]) =>
        [...tally.coldStarts].flatMap(([phase, seen]) => bucketSamples(cold, { function: key, phase }, seen)),
      ),
    )
    registerSamples(
      registry,
      { name: `${prefix}_activations_total`, type: 'counter', help: 'Wake-ups by outcome.' },
      () => this.#counts('outcome', (tally) => tally.activations),
    )
    registerSamples(registry, { name: `${prefix}_replays_total`, type: 'counter', help: 'Requests sent again.' }, () =>
      this.#counts('reason', (tally) => tally.replays),
    )
  }

  #registerState({ registry }: Metrics, router: Router): void {
    const prefix = 'dormouse_gateway'
    const gauge = (name: string, help: string, read: () => Sample[]) =>
      registerSamples(registry, { name: `${prefix}_${name}`, type: 'gauge', help }, read)
    const lanes = () => [...router.lanes()].filter((lane) => lane.podCount > 0 || lane.inFlight + lane.queued > 0)
    gauge('in_flight', 'Requests running.', () =>
      lanes().map((lane) => ({ labels: { function: lane.key }, value: lane.inFlight })),
    )
    gauge('queued', 'Requests waiting for a slot.', () =>
      lanes().map((lane) => ({ labels: { function: lane.key }, value: lane.queued })),
    )
    gauge('upgrades_open', 'Upgraded connections.', () => this.#each((tally) => tally.upgradesOpen))
    gauge('feed_connected', '1 while the feed is connected.', () => [
      { labels: {}, value: router.feed.connected ? 1 : 0 },
    ])
    gauge('feed_age_seconds', 'Since the last message of the feed.', () =>
      router.feed.ageMs === undefined ? [] : [{ labels: {}, value: router.feed.ageMs / 1000 }],
    )
    gauge('feed_version', 'Version applied.', () => [{ labels: {}, value: router.snapshot.version }])
    gauge('functions', 'Functions known.', () => [{ labels: {}, value: router.snapshot.functions.size }])
  }

  #counts(label: string, read: (tally: FunctionTally) => Map<string, number>): Sample[] {
    return [...this.#tallies].flatMap(([key, tally]) =>
      [...read(tally)].map(([name, value]) => ({ labels: { function: key, [label]: name }, value })),
    )
  }

  #each(read: (tally: FunctionTally) => number): Sample[] {
    return [...this.#tallies].map(([key, tally]) => ({ labels: { function: key }, value: read(tally) }))
  }
}

function bucketSamples(name: string, labels: Record<string, string>, seen: Distribution): Sample[] {
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
