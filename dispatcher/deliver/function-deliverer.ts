/** Delivers records by calling functions through routing: the dispatcher's implementation of the Deliverer port. */
import type { ObjectKey } from '../../api/names.ts'
import type { FeedSubscription } from '../../api/protocol.ts'
import type { Deliverer, Delivery, DeliveryOutcome } from '../../events/delivery.ts'
import { MAX_RESULT_BYTES } from '../../events/invocation-ledger.ts'
import type { Subscription } from '../../events/subscription.ts'
import type { Lane } from '../../routing/lane.ts'
import type { Router } from '../../routing/router.ts'
import { viewOf } from './event-view.ts'
import { exchange } from './exchange.ts'
import { passes, type Filter } from './filters.ts'
import { batchOutcomes } from './kafka-event.ts'
import { outcomeOfAnswer, outcomeOfProblem, type Answer } from './outcome.ts'
import { batchRequest, requestFor, type DeliveryRequest } from './request.ts'

export interface DelivererOptions {
  router: Router
  /** Of a Trigger; none for asynchronous invocations. */
  filtersOf: (subscription: Subscription) => readonly Filter[]
  /** Before a call. */
  onCall?: (subscription: Subscription, delivery: Delivery) => void
}

const MISSING_RETRY_MS = 1_000
const SOME_BYTES = 64 * 1024
const NO_FILTERS: readonly Filter[] = []

export class FunctionDeliverer implements Deliverer {
  readonly #options: DelivererOptions

  constructor(options: DelivererOptions) {
    this.#options = options
  }

  /** The slots of its pods; asleep, as many as its first pod will have, so that it is woken. */
  capacity(functionKey: string): number {
    const lane = this.#lane(functionKey)
    if (lane === undefined) return 1
    const { concurrency, maxPods } = lane.fn
    return Math.max(1, Math.min(maxPods, Math.max(1, lane.podCount)) * concurrency)
  }

  async deliver(subscription: Subscription, deliveries: readonly Delivery[]): Promise<DeliveryOutcome[]> {
    const lane = this.#lane(subscription.functionKey)
    if (lane === undefined) {
      const reason = `there is no function ${subscription.functionKey}`
      return deliveries.map(() => ({ kind: 'held', reason, retryAfterMs: MISSING_RETRY_MS }))
    }
    const [only] = deliveries
    if (subscription.batch !== undefined) return this.#deliverBatch(lane, subscription, deliveries)
    return only === undefined ? [] : [await this.#deliverOne(lane, subscription, only)]
  }

  async #deliverOne(lane: Lane, subscription: Subscription, delivery: Delivery): Promise<DeliveryOutcome> {
    const prepared = this.#prepare(lane, subscription, delivery)
    if (!('headers' in prepared)) return prepared
    this.#options.onCall?.(subscription, delivery)
    const answer = await this.#call(lane, subscription, prepared)
    return 'headers' in answer ? outcomeOfAnswer(answer) : answer
  }

  /** Those that can be sent go together; of the others it is known already what becomes of them. */
  async #deliverBatch(
    lane: Lane,
    subscription: Subscription,
    deliveries: readonly Delivery[],
  ): Promise<DeliveryOutcome[]> {
    const known = deliveries.map((delivery) => this.#settled(subscription, delivery))
    const sent = deliveries.filter((_, index) => known[index] === undefined)
    const outcomes = sent.length === 0 ? [] : await this.#sendBatch(lane, subscription, sent)
    let next = 0
    return known.map((outcome) => outcome ?? (outcomes[next++] as DeliveryOutcome))
  }

  async #sendBatch(lane: Lane, subscription: Subscription, sent: readonly Delivery[]): Promise<DeliveryOutcome[]> {
    const request = batchRequest(sent)
    if (request.kind === 'rejected') {
      // Smaller batches may fit; a single record that does not never will.
      const kind = sent.length === 1 ? 'rejected' : 'failed'
      return sent.map(() => ({ kind, failure: request.failure }))
    }
    const answer = await this.#call(lane, subscription, request)
    if (!('headers' in answer)) return sent.map(() => answer)
    const outcome = outcomeOfAnswer(answer)
    return outcome.kind === 'done' ? batchOutcomes(sent, answer.body) : sent.map(() => outcome)
  }

  #settled(subscription: Subscription, delivery: Delivery): DeliveryOutcome | undefined {
    const filters = this.#options.filtersOf(subscription)
    if (filters.length === 0) return undefined
    const result = viewOf(delivery)
    if (result.kind === 'malformed') return undecodable(result.message)
    return passes(filters, delivery.record, result.view) ? undefined : { kind: 'filtered' }
  }

  #prepare(
    lane: Lane,
    subscription: Subscription,
    delivery: Delivery,
  ): DeliveryOutcome | Extract<DeliveryRequest, { kind: 'request' }> {
    const result = viewOf(delivery)
    if (result.kind === 'malformed') return undecodable(result.message)
    const filters = subscription.kind === 'trigger' ? this.#options.filtersOf(subscription) : NO_FILTERS
    if (!passes(filters, delivery.record, result.view)) return { kind: 'filtered' }
    const request = requestFor(lane.fn.signature, delivery, result.view)
    return request.kind === 'rejected' ? { kind: 'rejected', failure: request.failure } : request
  }

  async #call(
    lane: Lane,
    subscription: Subscription,
    { headers, body }: { headers: string[]; body: Buffer },
  ): Promise<Answer | DeliveryOutcome> {
    // Of an invocation the result is kept; else only errors and names of failed records are looked at.
    const keepBytes = subscription.kind === 'async' || subscription.batch ? MAX_RESULT_BYTES + 1 : SOME_BYTES
    const result = await exchange(this.#options.router, lane, { headers, body, keepBytes })
    return result.kind === 'answer' ? result.answer : outcomeOfProblem(result.problem)
  }

  #lane(functionKey: string): Lane | undefined {
    return this.#options.router.lane(functionKey as ObjectKey)
  }
}

function undecodable(message: string): DeliveryOutcome {
  return { kind: 'rejected', failure: { class: 'decode', message } }
}

/** The part of the feed's subscription that only the deliverer needs. */
export function filtersOf(subscription: FeedSubscription | undefined): readonly Filter[] {
  return subscription?.filters ?? NO_FILTERS
}
