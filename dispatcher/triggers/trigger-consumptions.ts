/**
 * One consumption for each kafka and cron Trigger of the feed: begun, begun anew when it changes, and retired when the feed says that it
 * is gone, never because there is no feed. Changes are carried out one after the other; one that fails is tried again.
 */
import type { FeedSubscription } from '../../api/protocol.ts'
import { backoffMs } from '../../lib/backoff.ts'
import { pause } from '../../lib/pause.ts'
import { Consumption } from '../../events/consumption/consumption.ts'
import type { Engine } from '../../events/consumption/engine.ts'
import { deadLetterTopic, triggerGroup } from '../../events/topic-names.ts'
import { subscriptionOfTrigger } from './subscription.ts'

interface Running {
  feed: FeedSubscription
  consumption: Consumption
}

const RETRY = { firstMs: 500, longestMs: 30_000 }

export class TriggerConsumptions {
  readonly #engine: Engine
  readonly #running = new Map<string, Running>()
  readonly #stopped = new AbortController()
  #wanted: readonly FeedSubscription[] = []
  #working: Promise<void> | undefined
  #isDirty = false

  constructor(engine: Engine) {
    this.#engine = engine
  }

  get all(): Iterable<Consumption> {
    return [...this.#running.values()].map(({ consumption }) => consumption)
  }

  get(key: string): Running | undefined {
    return this.#running.get(key)
  }

  set(subscriptions: readonly FeedSubscription[]): void {
    if (subscriptions === this.#wanted) return
    this.#wanted = subscriptions
    this.#isDirty = true
    this.#working ??= this.#work().finally(() => (this.#working = undefined))
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#working
    await Promise.all([...this.#running.values()].map(({ consumption }) => consumption.close()))
  }

  async #work(): Promise<void> {
    for (let failures = 0; this.#isDirty && !this.#stopped.signal.aborted;) {
      this.#isDirty = false
      try {
        await this.#carryOut()
        failures = 0
      } catch (error) {
        this.#isDirty = true
        this.#engine.logger.error('triggers cannot be followed', { error })
        await pause(this.#engine.clock, backoffMs(++failures, RETRY), this.#stopped.signal)
      }
    }
  }

  async #carryOut(): Promise<void> {
    const wanted = new Map(this.#wanted.map((feed) => [feed.trigger as string, feed]))
    for (const [key, { feed, consumption }] of this.#running) {
      const next = wanted.get(key)
      if (next !== undefined && JSON.stringify(next) === JSON.stringify(feed)) continue
      await consumption.close()
      this.#running.delete(key)
      if (next?.uid !== feed.uid) await this.#retire(feed, consumption)
    }
    for (const [key, feed] of wanted) if (!this.#running.has(key)) await this.#begin(key, feed)
  }

  async #begin(key: string, feed: FeedSubscription): Promise<void> {
    const { trigger, uid, startFrom } = feed
    const consumption = new Consumption({ engine: this.#engine, group: triggerGroup(trigger, uid), startFrom })
    this.#running.set(key, { feed, consumption })
    await consumption.setSubscriptions([subscriptionOfTrigger(feed)])
  }

  /** What waits for a retry becomes dead letters; the ticks of a clock that is gone are nobody's. */
  async #retire(feed: FeedSubscription, consumption: Consumption): Promise<void> {
    const { log } = this.#engine
    const subscription = subscriptionOfTrigger(feed)
    await consumption.retire(subscription)
    const own = feed.source === 'cron' ? [...feed.topics] : []
    if (!feed.keepDeadLetters) own.push(deadLetterTopic(subscription))
    await log.deleteTopics(own)
  }
}
