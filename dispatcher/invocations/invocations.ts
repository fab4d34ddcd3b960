/**
 * Asynchronous invocations of all functions through one consumption: their states in the ledger, and their destinations. A destination
 * that cannot be reached is noted and never loses the invocation's own outcome.
 */
import type { ObjectKey } from '../../api/names.ts'
import type { FeedFunction } from '../../api/protocol.ts'
import { Consumption } from '../../events/consumption/consumption.ts'
import type { Engine, RecordEnd } from '../../events/consumption/engine.ts'
import type { Delivery } from '../../events/delivery.ts'
import type { InvocationLedger, InvocationState } from '../../events/invocation-ledger.ts'
import type { Subscription } from '../../events/subscription.ts'
import { ASYNC_GROUP } from '../../events/topic-names.ts'
import type { AddressPolicy } from '../../lib/address-policy.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import { Follower } from '../follower.ts'
import { subscriptionOfFunction } from '../triggers/subscription.ts'
import { destinationOf } from './destination.ts'
import { Destinations } from './destinations.ts'
import { endState, runningState, waitingState } from './state.ts'

export interface InvocationsOptions {
  engine: () => Engine
  ledger: InvocationLedger
  functionOf: (key: ObjectKey) => FeedFunction | undefined
  clock: Clock
  logger: Logger
  /** Where destinations may be. */
  addresses: AddressPolicy
}

export class Invocations {
  readonly #options: InvocationsOptions
  readonly #follower: Follower
  readonly #destinations: Destinations
  readonly #over = new AbortController()
  /** What each function's subscription was made from. */
  #seen = new Map<string, string>()
  #wanted: readonly Subscription[] = []
  #consumption: Consumption | undefined

  constructor(options: InvocationsOptions) {
    const { engine, clock, logger } = options
    this.#options = options
    const carryOut = () => this.#carryOut()
    this.#follower = new Follower({ what: 'asynchronous invocations', clock, logger, carryOut })
    const { signal } = this.#over
    this.#destinations = new Destinations({
      engine,
      signal,
      addresses: options.addresses,
      note: (state) => this.#note(state),
    })
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
    this.#seen = now
    this.#wanted = subscriptions
    this.#follower.changed()
  }

  async stop(): Promise<void> {
    await this.#follower.stop()
    await this.#consumption?.close()
    // What is not told by now is told again: its record was not acknowledged.
    this.#over.abort()
  }

  /** An attempt begins. */
  called(delivery: Delivery, functionKey: string): void {
    this.#note(runningState(delivery, functionKey))
  }

  /** It did not come about. */
  held(delivery: Delivery, functionKey: string): void {
    this.#note(waitingState(delivery, functionKey))
  }

  /** Before the record is acknowledged. */
  async ended(end: RecordEnd): Promise<void> {
    const state = endState(end, this.#options.engine().wall.now())
    const policy = this.#options.functionOf(end.subscription.functionKey as ObjectKey)?.async
    const destination = end.kind === 'retry' ? undefined : destinationOf(policy, end)
    if (destination === undefined || end.kind === 'retry') return this.#options.ledger.put(state)
    // Who asks need not wait for a destination that takes its time.
    this.#note(state)
    const destinationFailure = await this.#destinations.tell(destination, end)
    if (destinationFailure !== undefined) await this.#options.ledger.put({ ...state, destinationFailure })
  }

  async #carryOut(): Promise<void> {
    const engine = this.#options.engine()
    this.#consumption ??= new Consumption({ engine, group: ASYNC_GROUP, startFrom: 'earliest' })
    await this.#consumption.setSubscriptions(this.#wanted)
  }

  /** For people who ask: it holds up nothing, and its failure loses nothing. */
  #note(state: InvocationState): void {
    this.#options.ledger.put(state).catch((error: unknown) => {
      this.#options.logger.warn('the state of an invocation cannot be noted', { id: state.id, error })
    })
  }
}
