/** What the dispatcher counts of its calls, by function, and how it is scraped. A deleted function's series go with its tally. */
import { performance } from 'node:perf_hooks'
import { HEADER, type ObjectKey } from '../api/names.ts'
import { DURATION_BUCKETS, type Metrics } from '../lib/metrics.ts'
import { Distribution } from '../lib/sampled-metrics.ts'
import { billable, billedMsOf } from '../routing/billed.ts'
import { registerCalls, registerFeed, tallyMetrics } from '../routing/call-metrics.ts'
import { CallTally } from '../routing/call-tally.ts'
import { coldStartOf } from '../routing/cold-start.ts'
import type { Router } from '../routing/router.ts'
import type { EndedExchange } from './deliver/exchange.ts'

const PREFIX = 'dormouse_dispatcher'

class EventTally extends CallTally {
  readonly duration = new Distribution(DURATION_BUCKETS)

  ended({ call, answeredMs, result }: EndedExchange): void {
    const durationMs = performance.now() - call.sentMs
    const reported = result.kind === 'answer' ? billedMsOf(result.answer.headers[HEADER.report]) : undefined
    this.duration.observe(durationMs / 1_000)
    this.billed(billable(durationMs, reported), call.lane.fn.memoryMb)
    const phases = answeredMs === undefined ? undefined : coldStartOf(call, answeredMs)
    if (phases !== undefined) this.coldStart(phases)
  }
}

export class CallTallies {
  readonly #tallies = new Map<ObjectKey, EventTally>()

  tally(key: ObjectKey): EventTally {
    const known = this.#tallies.get(key)
    if (known !== undefined) return known
    const created = new EventTally()
    this.#tallies.set(key, created)
    return created
  }

  /** Nothing to count when no pod got it. */
  ended(ended: EndedExchange): void {
    if (ended.call.sentMs > 0) this.tally(ended.call.lane.key).ended(ended)
  }

  /** A call that ends later may make one anew: it goes with the next change. */
  keep(functions: ReadonlyMap<ObjectKey, unknown>): void {
    for (const key of this.#tallies.keys()) if (!functions.has(key)) this.#tallies.delete(key)
  }

  register(metrics: Metrics, router: Pick<Router, 'feed' | 'snapshot'>): void {
    const of = tallyMetrics(metrics, PREFIX, this.#tallies)
    of.histogram('call_duration_seconds', 'A pod got the call to the end of its answer.', (tally) => tally.duration)
    registerCalls(metrics, PREFIX, this.#tallies)
    registerFeed(metrics, PREFIX, router)
  }
}
