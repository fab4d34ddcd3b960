/** What came of requests for the event log, and whether it takes any: neither decides whether the gateway is ready. */
import type { Logger } from '../../lib/logger.ts'
import type { Counter, Metrics } from '../../lib/metrics.ts'

export interface EventsTallyOptions {
  metrics: Metrics
  logger: Logger
  /** Whether it was reached at all; absent: there is nothing to reach. */
  isReached?: () => boolean
}

export class EventsTally {
  readonly #logger: Logger
  readonly #counter: Counter<'what' | 'outcome'>
  /** The last request that needed it found it away. */
  #isAway = false

  constructor({ metrics, logger, isReached = () => true }: EventsTallyOptions) {
    this.#logger = logger
    this.#counter = metrics.counter({
      name: 'dormouse_gateway_events_total',
      help: 'Asynchronous invocations and records by what was answered.',
      labels: ['what', 'outcome'] as const,
    })
    metrics.gauge({
      name: 'dormouse_gateway_event_log_available',
      help: '1 while the event log was reached and took what it was last given.',
      collect: (gauge) => gauge.set(Number(isReached() && !this.#isAway)),
    })
  }

  count(what: 'invocation' | 'record', outcome: string): void {
    this.#counter.inc({ what, outcome })
    const isAway = outcome === 'events-unavailable'
    // What was refused before it came to the log says nothing of it.
    if (isAway === this.#isAway || (!isAway && outcome !== 'accepted')) return
    this.#isAway = isAway
    if (isAway) this.#logger.warn('the event log takes nothing now: what needs it is answered with 503')
    else this.#logger.warn('the event log takes events again')
  }
}
