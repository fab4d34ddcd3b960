/**
 * Asynchronous invocations of all functions through one consumption: their states in the ledger, and their destinations. A destination
 * that cannot be reached is noted and never holds up or loses the invocation's own outcome.
 */
import { randomUUID } from 'node:crypto'
import { request } from 'undici'
import { EVENT_HEADER, type ObjectKey } from '../../api/names.ts'
import type { FeedDestination, FeedFunction } from '../../api/protocol.ts'
import { Consumption } from '../../events/consumption/consumption.ts'
import type { Engine, RecordEnd } from '../../events/consumption/engine.ts'
import type { Delivery } from '../../events/delivery.ts'
import type { NewRecord } from '../../events/event-log.ts'
import type { InvocationLedger, InvocationState } from '../../events/invocation-ledger.ts'
import { textOf } from '../../events/record-headers.ts'
import type { Subscription } from '../../events/subscription.ts'
import { ASYNC_GROUP, asyncTopic } from '../../events/topic-names.ts'
import { pause } from '../../lib/pause.ts'
import { subscriptionOfFunction } from '../triggers/subscription.ts'
import { destinationOf, destinationRecord, HOPS_HEADER, MAX_HOPS } from './destination.ts'

export interface InvocationsOptions {
  engine: () => Engine
  ledger: InvocationLedger
  functionOf: (key: ObjectKey) => FeedFunction | undefined
}

const URL_TIMEOUT_MS = 10_000
const URL_ATTEMPTS = 3
const URL_RETRY_MS = 1_000

export class Invocations {
  readonly #options: InvocationsOptions
  readonly #seen = new Map<string, string>()
  #consumption: Consumption | undefined
  #working: Promise<void> | undefined
  #next: readonly Subscription[] | undefined

  constructor(options: InvocationsOptions) {
    this.#options = options
  }

  get consumption(): Consumption | undefined {
    return this.#consumption
  }

  /** All functions there are. Cheap when none of them was added, removed or changed its policy. */
  set(functions: Iterable<FeedFunction>): void {
    const now = new Map<string, string>()
    const subscriptions: Subscription[] = []
    for (const fn of functions) {
      const subscription = subscriptionOfFunction(fn)
      if (subscription === undefined) continue
      subscriptions.push(subscription)
      now.set(fn.key, `${fn.uid} ${JSON.stringify(fn.async)}`)
    }
    const isSame = now.size === this.#seen.size && [...now].every(([key, text]) => this.#seen.get(key) === text)
    if (isSame) return
    this.#seen.clear()
    for (const [key, text] of now) this.#seen.set(key, text)
    this.#next = subscriptions
    this.#working ??= this.#work().finally(() => (this.#working = undefined))
  }

  async stop(): Promise<void> {
    await this.#working
    await this.#consumption?.close()
  }

  /** An attempt begins. */
  called({ deliveryId, attempt, origin }: Delivery, functionKey: string): void {
    this.#note({ id: deliveryId, functionKey, status: 'running', acceptedAtMs: origin.timestampMs, attempts: attempt })
  }

  /** Before the record is acknowledged. */
  async ended(end: RecordEnd): Promise<void> {
    const { functionKey } = end.subscription
    const policy = this.#options.functionOf(functionKey as ObjectKey)?.async
    const destination = destinationOf(policy, end)
    const destinationFailure =
      destination === undefined || end.kind === 'retry' ? undefined : await this.#tell(destination, end)
    await this.#options.ledger.put({
      ...stateOf(end, this.#engine.wall.now()),
      ...(destinationFailure !== undefined && { destinationFailure }),
    })
  }

  get #engine(): Engine {
    return this.#options.engine()
  }

  async #work(): Promise<void> {
    while (this.#next !== undefined) {
      const subscriptions = this.#next
      this.#next = undefined
      this.#consumption ??= new Consumption({ engine: this.#engine, group: ASYNC_GROUP, startFrom: 'earliest' })
      await this.#consumption.setSubscriptions(subscriptions).catch((error: unknown) => {
        this.#engine.logger.error('asynchronous invocations cannot be followed', { error })
      })
    }
  }

  #note(state: InvocationState): void {
    this.#options.ledger.put(state).catch((error: unknown) => {
      this.#engine.logger.warn('the state of an invocation cannot be noted', { id: state.id, error })
    })
  }

  /** Why it could not be told; undefined when it was. */
  async #tell(destination: FeedDestination, end: Exclude<RecordEnd, { kind: 'retry' }>): Promise<string | undefined> {
    const body = JSON.stringify(destinationRecord(end, this.#engine.wall.now()))
    try {
      if ('url' in destination) return await this.#post(destination.url, body)
      await this.#engine.log.send([this.#recordFor(destination, body, end)])
      return undefined
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      const { deliveryId } = end.meta
      this.#engine.logger.error('a destination did not get its record', { deliveryId, destination, message })
      return message
    }
  }

  #recordFor(destination: Exclude<FeedDestination, { url: string }>, body: string, end: RecordEnd): NewRecord {
    const value = Buffer.from(body)
    const contentType = ['content-type', Buffer.from('application/json')] as const
    if ('topic' in destination) return { topic: destination.topic, key: null, value, headers: [contentType] }
    const hops = Number(textOf(end.record.headers, HOPS_HEADER) ?? 0) + 1
    if (hops > MAX_HOPS)
      throw new Error(`expected at most ${MAX_HOPS} functions in a row to be told, got one more: is there a loop?`)
    const id = randomUUID()
    const key = destination.function
    this.#note({ id, functionKey: key, status: 'queued', acceptedAtMs: this.#engine.wall.now(), attempts: 0 })
    const headers = [
      contentType,
      [EVENT_HEADER.deliveryId, Buffer.from(id)] as const,
      [HOPS_HEADER, Buffer.from(String(hops))] as const,
    ]
    return { topic: asyncTopic(key), key: null, value, headers }
  }

  async #post(url: string, body: string): Promise<string | undefined> {
    let why = ''
    for (let attempt = 1; attempt <= URL_ATTEMPTS; attempt++) {
      if (attempt > 1) await pause(this.#engine.clock, URL_RETRY_MS)
      try {
        const answer = await request(url, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body,
          signal: AbortSignal.timeout(URL_TIMEOUT_MS),
        })
        await answer.body.dump()
        if (answer.statusCode < 300) return undefined
        why = `${url} answered ${answer.statusCode}`
      } catch (error) {
        why = `${url} cannot be reached: ${error instanceof Error ? error.message : String(error)}`
      }
    }
    throw new Error(why)
  }
}

function stateOf(end: RecordEnd, nowMs: number): InvocationState {
  const { meta, subscription, attempt } = end
  const { functionKey } = subscription
  const base = { id: meta.deliveryId, functionKey, acceptedAtMs: meta.origin.timestampMs, attempts: attempt }
  switch (end.kind) {
    case 'retry':
      return { ...base, status: 'retrying', nextAttemptAtMs: end.dueMs, failure: end.failure }
    case 'deadLetter':
      return { ...base, status: 'failed', finishedAtMs: nowMs, failure: end.failure }
    case 'done': {
      const { status = 200, body = Buffer.alloc(0), contentType = 'application/json' } = end.outcome
      return {
        ...base,
        status: 'succeeded',
        finishedAtMs: nowMs,
        result: { status, contentType, body, truncated: false },
      }
    }
  }
}
