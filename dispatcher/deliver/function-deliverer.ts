/**
 * Delivers records by calling functions through routing: the dispatcher's implementation of the Deliverer port. Promises that a record which
 * cannot be understood is never sent, and that a reply is stored before the record counts as handled.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { ObjectKey } from '../../api/names.ts'
import type { Deliverer, Delivery, DeliveryOutcome } from '../../events/delivery.ts'
import { isRefused, MAX_RECORD_BYTES, type EventLog } from '../../events/event-log.ts'
import { MAX_RESULT_BYTES } from '../../events/invocation-ledger.ts'
import type { Subscription } from '../../events/subscription.ts'
import type { Lane } from '../../routing/lane.ts'
import type { Router } from '../../routing/router.ts'
import { heldUp } from './batch-order.ts'
import { CallCounts } from './call-counts.ts'
import { viewOf, type EventView } from './event-view.ts'
import { exchange, type EndedExchange, type Exchange, type ExchangeResult } from './exchange.ts'
import { passes, type Filter } from './filters.ts'
import { isLoop, LOOP_MESSAGE } from './hops.ts'
import { batchOutcomes, kafkaEvent } from './kafka-event.ts'
import { outcomeOfAnswer, outcomeOfProblem, type Answer } from './outcome.ts'
import { REPLY_HEADER, replyOf } from './reply.ts'
import {
  askedRequest,
  deliveryHeaders,
  EVENT_LIMIT_BYTES,
  JSON_TYPE,
  requestFor,
  type DeliveryRequest,
} from './request.ts'
import { errorText } from '../../lib/error-text.ts'

export interface DelivererOptions {
  router: Pick<Router, 'lane' | 'call'>
  /** For replies. */
  log: Pick<EventLog, 'send'>
  /** Of a Trigger; none for asynchronous invocations. */
  filtersOf: (subscription: Subscription) => readonly Filter[]
  /** Of the log's brokers, for Lambda events: `host:port,host:port`. */
  bootstrapServers?: string | undefined
  /** Before a call. */
  onCall?: (subscription: Subscription, delivery: Delivery) => void
  /** After it, when the function could not be called. */
  onHeld?: (subscription: Subscription, delivery: Delivery) => void
  /** After every call that was begun. */
  onEnded?: (ended: EndedExchange) => void
}

type Held = Extract<DeliveryOutcome, { kind: 'held' }>
/** A call of one function for one subscription. */
interface Target {
  lane: Lane
  subscription: Subscription
  /** The records were taken away. */
  signal: AbortSignal
}

type CallParts = Pick<Exchange<unknown>, 'method' | 'path' | 'headers' | 'body'>

const MISSING_RETRY_MS = 1_000
const REPLY_RETRY_MS = 1_000
/** Of an answer that only its errors are read of. */
const SOME_BYTES = 64 * 1024
const NO_SLOTS = 0

export class FunctionDeliverer implements Deliverer {
  readonly #options: DelivererOptions
  /** Calls of ours, running or waiting for a slot, by function. */
  readonly #calls = new CallCounts()

  constructor(options: DelivererOptions) {
    this.#options = options
  }

  /** The slots of its pods that nobody else uses or waits for; asleep, as many as its first pod will have, so that it is woken. */
  capacity(functionKey: string): number {
    const lane = this.#lane(functionKey)
    if (lane === undefined) return 1
    const { concurrency, maxPods } = lane.fn
    const slots = Math.min(maxPods, Math.max(1, lane.podCount)) * concurrency
    const others = Math.max(NO_SLOTS, lane.inFlight + lane.queued - this.#calls.of(functionKey))
    return Math.max(1, slots - others)
  }

  deliver(
    subscription: Subscription,
    deliveries: readonly Delivery[],
    signal: AbortSignal,
  ): Promise<DeliveryOutcome[]> {
    const { functionKey, batch } = subscription
    const lane = this.#lane(functionKey)
    if (lane === undefined) {
      const held: Held = {
        kind: 'held',
        reason: `there is no function ${functionKey}`,
        retryAfterMs: MISSING_RETRY_MS,
      }
      return Promise.resolve(deliveries.map(() => held))
    }
    const target = { lane, subscription, signal }
    const [only] = deliveries
    if (batch !== undefined) return this.#deliverBatch(target, deliveries)
    return only === undefined ? Promise.resolve([]) : this.#deliverOne(target, only)
  }

  /** The list of its one outcome: as few steps of promises as can be, this is the way of nearly all records. */
  #deliverOne(target: Target, delivery: Delivery): Promise<DeliveryOutcome[]> {
    const { lane, subscription } = target
    const request = this.#requestFor(target, delivery)
    if (request.kind !== 'request') return Promise.resolve([request])
    this.#options.onCall?.(subscription, delivery)
    return this.#call(target, request, (answer) => {
      if ('kind' in answer) {
        if (answer.kind === 'held') this.#options.onHeld?.(subscription, delivery)
        return [answer]
      }
      const outcome = outcomeOfAnswer(answer)
      if (outcome.kind !== 'done' || lane.fn.signature === 'event') return [outcome]
      return this.#reply(outcome, answer, delivery)
    })
  }

  /** In as few calls as its size allows, one after the other; functions that take no Lambda events get the records one by one. */
  async #deliverBatch(target: Target, deliveries: readonly Delivery[]): Promise<DeliveryOutcome[]> {
    const outcomes = new Map<Delivery, DeliveryOutcome>()
    const { subscription, lane, signal } = target
    let left = deliveries.filter((delivery) => {
      const view = this.#viewOf(subscription, delivery)
      if ('kind' in view) outcomes.set(delivery, view)
      return !('kind' in view)
    })
    while (left.length > 0) {
      const sent =
        lane.fn.signature === 'event' ? await this.#sendSome(target, left) : await this.#sendFirst(target, left)
      left = left.slice(sent.size)
      for (const [delivery, outcome] of sent) outcomes.set(delivery, outcome)
      if (signal.aborted) for (const delivery of left) outcomes.set(delivery, TAKEN_AWAY)
      for (const [delivery, outcome] of heldUp(subscription.ordering, sent, left)) outcomes.set(delivery, outcome)
      left = left.filter((delivery) => !outcomes.has(delivery))
    }
    return deliveries.map((delivery) => outcomes.get(delivery) ?? TAKEN_AWAY)
  }

  async #sendSome(target: Target, left: readonly Delivery[]): Promise<Map<Delivery, DeliveryOutcome>> {
    const { bootstrapServers = '' } = this.#options
    const { body, count } = kafkaEvent(left, { limitBytes: EVENT_LIMIT_BYTES, bootstrapServers })
    const sent = left.slice(0, count)
    const [first] = sent
    if (first === undefined) return new Map()
    if (body.length > EVENT_LIMIT_BYTES) {
      const message = `expected at most ${EVENT_LIMIT_BYTES} bytes as a Lambda event, got ${body.length}`
      return new Map([[first, { kind: 'rejected', failure: { class: 'too-large', message } }]])
    }
    const request = { headers: [...deliveryHeaders(first), 'content-type', JSON_TYPE], body }
    const answer = await this.#call(target, request, (result) => result)
    if ('kind' in answer) return new Map(sent.map((delivery) => [delivery, answer]))
    const outcome = outcomeOfAnswer(answer)
    const each = outcome.kind === 'done' ? batchOutcomes(sent, answer) : sent.map(() => outcome)
    return new Map(sent.map((delivery, index) => [delivery, each[index] ?? outcome]))
  }

  async #sendFirst(target: Target, [first]: readonly Delivery[]): Promise<Map<Delivery, DeliveryOutcome>> {
    if (first === undefined) return new Map()
    const [outcome = TAKEN_AWAY] = await this.#deliverOne(target, first)
    return new Map([[first, outcome.kind === 'failed' ? { ...outcome, isOwn: true } : outcome]])
  }

  #requestFor({ lane, subscription }: Target, delivery: Delivery): DeliveryRequest | DeliveryOutcome {
    const { signature } = lane.fn
    if (subscription.kind === 'async' && signature === 'http' && !isLoop(delivery.record)) {
      const asked = askedRequest(delivery)
      if (asked !== undefined) return asked
    }
    const view = this.#viewOf(subscription, delivery)
    if ('kind' in view) return view
    const wrapsPlain = subscription.kind === 'trigger'
    try {
      return requestFor(delivery, view, { signature, wrapsPlain })
    } catch (error) {
      return undecodable(errorText(error))
    }
  }

  /** What is known of it without a call, or how it looks. */
  #viewOf(subscription: Subscription, delivery: Delivery): EventView | DeliveryOutcome {
    if (isLoop(delivery.record)) return { kind: 'rejected', failure: { class: 'unhandled', message: LOOP_MESSAGE } }
    try {
      const result = viewOf(delivery)
      if (result.kind === 'malformed') return undecodable(result.message)
      return passes(this.#options.filtersOf(subscription), delivery, result.view) ? result.view : { kind: 'filtered' }
    } catch (error) {
      // Whatever one record does to us, those behind it must not wait for it for ever.
      return undecodable(errorText(error))
    }
  }

  /** `then`: what its end comes to. */
  #call<T>(
    target: Target,
    { method, path, headers, body }: CallParts,
    then: (end: Answer | DeliveryOutcome) => T | Promise<T>,
  ): Promise<T> {
    const { lane, signal } = target
    const { router, onEnded } = this.#options
    const calls = this.#calls.begun(lane.key)
    const keepBytes = (status: number, head: IncomingHttpHeaders) => keptBytes(target, status, head)
    const settle = (result: ExchangeResult) => {
      this.#calls.ended(lane.key, calls)
      return then(result.kind === 'answer' ? result.answer : outcomeOfProblem(result.problem))
    }
    return exchange(router, lane, { method, path, headers, body, keepBytes, signal, settle, onEnded })
  }

  /** While it cannot be stored the record is not handled: the function will be called again. */
  async #reply(done: DeliveryOutcome, answer: Answer, { record }: Delivery): Promise<DeliveryOutcome[]> {
    const reply = replyOf(answer, record)
    if (reply === undefined) return [done]
    if (reply.kind === 'refused') return [{ kind: 'rejected', failure: reply.failure }]
    try {
      await this.#options.log.send([reply.record])
      return [done]
    } catch (error) {
      const message = `the reply to ${reply.record.topic} cannot be stored: ${errorText(error)}`
      if (!isRefused(error)) return [{ kind: 'held', reason: message, retryAfterMs: REPLY_RETRY_MS }]
      return [{ kind: 'rejected', failure: { class: 'unhandled', status: answer.status, message } }]
    }
  }

  #lane(functionKey: string): Lane | undefined {
    return this.#options.router.lane(functionKey as ObjectKey)
  }
}

const undecodable = (message: string): DeliveryOutcome => ({ kind: 'rejected', failure: { class: 'decode', message } })
const TAKEN_AWAY: Held = { kind: 'held', reason: 'the partition was taken away', retryAfterMs: 0 }

/** Of an error its beginning; of results what is looked at or stored. */
function keptBytes({ lane, subscription }: Target, status: number, headers: IncomingHttpHeaders): number {
  if (status >= 300) return SOME_BYTES
  const { signature } = lane.fn
  if (signature === 'event' && subscription.batch !== undefined) return EVENT_LIMIT_BYTES
  if (signature === 'cloudevent' || headers[REPLY_HEADER] !== undefined || headers['ce-dormousetopic'] !== undefined)
    return MAX_RECORD_BYTES
  return subscription.kind === 'async' ? MAX_RESULT_BYTES + 1 : SOME_BYTES
}
