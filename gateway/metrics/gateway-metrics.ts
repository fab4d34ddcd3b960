/** The gateway's metrics: tallies per function turned into samples when scraped. A deleted function's series go with its tally. */
import type { ObjectKey } from '../../api/names.ts'
import type { Metrics } from '../../lib/metrics.ts'
import { registerSamples, type Sample } from '../../lib/sampled-metrics.ts'
import { registerCalls, registerFeed, tallyMetrics } from '../../routing/call-metrics.ts'
import type { Router } from '../../routing/router.ts'
import { FunctionTally } from './function-tally.ts'

const PREFIX = 'dormouse_gateway'

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
    registerCalls(metrics, PREFIX, this.#tallies)
    this.#registerLoad(metrics, router)
    registerFeed(metrics, PREFIX, router)
  }

  #registerRequests(metrics: Metrics): void {
    const of = tallyMetrics(metrics, PREFIX, this.#tallies)
    const requests = (tally: FunctionTally) => tally.requests
    of.counters('requests_total', 'Requests by how they ended.', { label: 'outcome', read: requests })
    of.counters('errors_total', 'Answers given by the platform.', { label: 'code', read: (tally) => tally.problems })
    of.histogram('request_duration_seconds', 'Arrival to last byte from the pod.', (tally) => tally.duration)
    registerSamples(
      metrics,
      { name: `${PREFIX}_rejected_total`, type: 'counter', help: 'Requests that reached no function.' },
      () => [...this.#rejected].map(([code, value]) => ({ labels: { code }, value })),
    )
  }

  #registerLoad(metrics: Metrics, router: Router): void {
    const gauge = (name: string, help: string, read: () => Sample[]) =>
      registerSamples(metrics, { name: `${PREFIX}_${name}`, type: 'gauge', help }, read)
    const lanes = () => [...router.lanes()].filter((lane) => lane.podCount > 0 || lane.inFlight + lane.queued > 0)
    gauge('in_flight', 'Requests running.', () =>
      lanes().map((lane) => ({ labels: { function: lane.key }, value: lane.inFlight })),
    )
    gauge('queued', 'Requests waiting for a slot.', () =>
      lanes().map((lane) => ({ labels: { function: lane.key }, value: lane.queued })),
    )
    gauge('upgrades_open', 'Upgraded connections.', () =>
      [...this.#tallies].map(([key, tally]) => ({ labels: { function: key }, value: tally.upgradesOpen })),
    )
  }
}
