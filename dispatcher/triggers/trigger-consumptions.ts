/**
 * One consumption for each kafka and cron Trigger of the feed: begun, begun anew when it changes, and retired when the feed says that it
 * is gone, never because there is no feed. A Trigger that cannot be begun or retired now does not keep others from it, and is tried again.
 */
import type { FeedSubscription } from '../../api/protocol.ts'
import { Consumption } from '../../events/consumption/consumption.ts'
import type { Engine } from '../../events/consumption/engine.ts'
import { deadLetterTopic, triggerGroup } from '../../events/topic-names.ts'
import { Follower } from '../follower.ts'
import { subscriptionOfTrigger } from './subscription.ts'

export interface RunningTrigger {
  feed: FeedSubscription
  consumption: Consumption
}

/** Until others have moved what they were given of a Trigger that is gone. */
const OTHERS_MS = 1_000

export class TriggerConsumptions {
  readonly #engine: Engine
  readonly #follower: Follower
  readonly #running = new Map<string, RunningTrigger>()
  /** The same by function: who asks for each of thousands of functions must not walk all Triggers for each. */
  readonly #byFunction = new Map<string, Set<Consumption>>()
  /** Closed, and what they leave behind not yet dealt with. */
  readonly #retiring = new Set<RunningTrigger>()
  #wanted: readonly FeedSubscription[] = []
  #cancelLater: (() => void) | undefined

  constructor(engine: Engine) {
    const { clock, logger } = engine
    this.#engine = engine
    this.#follower = new Follower({ what: 'Triggers', clock, logger, carryOut: () => this.#carryOut() })
  }

  get all(): Iterable<Consumption> {
    return [...this.#running.values()].map(({ consumption }) => consumption)
  }

  /** Those that call this function. */
  of(functionKey: string): Iterable<Consumption> {
    return this.#byFunction.get(functionKey) ?? []
  }

  get(key: string): RunningTrigger | undefined {
    return this.#running.get(key)
  }

  /** Cheap with the list it has already. */
  set(subscriptions: readonly FeedSubscription[]): void {
    if (subscriptions === this.#wanted) return
    this.#wanted = subscriptions
    this.#follower.changed()
  }

  async stop(): Promise<void> {
    this.#cancelLater?.()
    await this.#follower.stop()
    await Promise.all([...this.#running.values()].map(({ consumption }) => consumption.close()))
  }

  async #carryOut(): Promise<void> {
    const wanted = new Map(this.#wanted.map((feed) => [feed.trigger as string, feed]))
    for (const [key, running] of this.#running) {
      const next = wanted.get(key)
      if (next === undefined || !isSame(next, running.feed)) await this.#end(running, next)
    }
    const errors: unknown[] = []
    for (const gone of this.#retiring) await this.#retire(gone).catch((error: unknown) => errors.push(error))
    const keysOfGone = new Set([...this.#retiring].map(({ feed }) => feed.trigger as string))
    for (const [key, feed] of wanted) {
      // In turn: the old one's consumer has left when the new one joins.
      if (this.#running.has(key) || keysOfGone.has(key)) continue
      await this.#begin(feed).catch((error: unknown) => errors.push(error))
    }
    if (errors.length > 0) throw errors[0]
  }

  async #end(running: RunningTrigger, next: FeedSubscription | undefined): Promise<void> {
    const { feed, consumption } = running
    await consumption.close()
    this.#remove(running)
    if (next?.uid !== feed.uid) this.#retiring.add(running)
  }

  async #begin(feed: FeedSubscription): Promise<void> {
    const { trigger, uid, startFrom } = feed
    const consumption = new Consumption({ engine: this.#engine, group: triggerGroup(trigger, uid), startFrom })
    // Its filters are asked for with the first record.
    this.#add({ feed, consumption })
    try {
      await consumption.setSubscriptions([subscriptionOfTrigger(feed)])
    } catch (error) {
      await consumption.close()
      this.#remove({ feed, consumption })
      throw error
    }
  }

  #add(running: RunningTrigger): void {
    const { feed, consumption } = running
    this.#running.set(feed.trigger, running)
    const known = this.#byFunction.get(feed.function)
    if (known === undefined) this.#byFunction.set(feed.function, new Set([consumption]))
    else known.add(consumption)
  }

  #remove({ feed, consumption }: RunningTrigger): void {
    this.#running.delete(feed.trigger)
    const known = this.#byFunction.get(feed.function)
    known?.delete(consumption)
    if (known?.size === 0) this.#byFunction.delete(feed.function)
  }

  /** What waits for a retry becomes dead letters; the ticks of a clock that is gone are nobody's. */
  async #retire(gone: RunningTrigger): Promise<void> {
    const { feed, consumption } = gone
    const subscription = subscriptionOfTrigger(feed)
    // Topics are named after the Trigger: what is there may be the new one's, which another dispatcher has begun already.
    const hasSuccessor = () => this.#wanted.some(({ trigger }) => trigger === feed.trigger)
    const isOver = await consumption.retire(subscription, { hasSuccessor, signal: this.#follower.signal })
    if (!isOver) return this.#later(feed.trigger)
    const own = feed.source === 'cron' ? [...feed.topics] : []
    if (!feed.keepDeadLetters) own.push(deadLetterTopic(subscription))
    if (!hasSuccessor()) await this.#engine.log.deleteTopics(own)
    this.#retiring.delete(gone)
  }

  #later(trigger: string): void {
    const { clock, logger } = this.#engine
    logger.info('what a deleted Trigger left is moved by several dispatchers, and others are not done', { trigger })
    this.#cancelLater?.()
    this.#cancelLater = clock.after(OTHERS_MS, () => this.#follower.changed())
  }
}

function isSame(a: FeedSubscription, b: FeedSubscription): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
