/**
 * Reads the topics of one or many subscriptions with one consumer, and their retry tiers with another, so that waits in the tiers never
 * disturb the sources. A Trigger has a consumption of its own; the asynchronous invocations of all functions share one.
 */
import type { SubscriptionInfo } from '../../api/events-api.ts'
import type { StartFrom } from '../event-log.ts'
import { KeptMarks } from '../replay/kept-marks.ts'
import type { Subscription } from '../subscription.ts'
import { deadLetterTopic, retryGroup, retryTopic, tiersAmong } from '../topic-names.ts'
import { tierDelays } from '../retry-policy.ts'
import { ConsumerDriver } from './consumer-driver.ts'
import type { Engine } from './engine.ts'
import { retire, type Retirement } from './retire.ts'
import { statusOf } from './status.ts'
import type { Consumers } from './stats.ts'
import { SubscriptionState } from './subscription-state.ts'

export interface ConsumptionOptions {
  engine: Engine
  group: string
  startFrom: StartFrom
}

/** A tier that an earlier policy used is read on until this finds it gone. */
const REFRESH_MS = 60_000
/** The list of topics is as old at most: when it is looked through again, and at a beginning, of which there may be hundreds in a row. */
const LIST_AGE_MS = { again: 30_000, beginning: 1_000 }

export class Consumption {
  readonly #options: ConsumptionOptions
  readonly #sources: ConsumerDriver
  readonly #tiers: ConsumerDriver
  readonly #states = new Map<string, SubscriptionState>()
  #cancelRefresh: (() => void) | undefined
  /** As the latest `#follow` has them: a look that began before it is about others. */
  #followed: ReadonlyMap<string, SubscriptionState> = new Map()
  #isClosed = false
  readonly #keptMarks: KeptMarks

  constructor(options: ConsumptionOptions) {
    const { engine, group, startFrom } = options
    this.#options = options
    this.#keptMarks = new KeptMarks(engine)
    this.#sources = new ConsumerDriver({ engine, group, role: 'source', startFrom })
    this.#tiers = new ConsumerDriver({ engine, group: retryGroup(group), role: 'tier', startFrom: 'earliest' })
  }

  get states(): Iterable<SubscriptionState> {
    return this.#states.values()
  }

  get consumers(): Consumers {
    return { sources: this.#sources.stats, tiers: this.#tiers.stats }
  }

  state(key: string): SubscriptionState | undefined {
    return this.#states.get(key)
  }

  /** From now on these, and no others. Those that are gone are left as they are: see `retire`. */
  async setSubscriptions(subscriptions: readonly Subscription[]): Promise<void> {
    const { engine } = this.#options
    const wanted = new Map(subscriptions.map((subscription) => [subscription.key, subscription]))
    for (const [key, state] of this.#states) {
      const next = wanted.get(key)
      if (next !== undefined && !isOther(next, state.subscription)) continue
      // Its workers are made for what it was: all join again, and those that stay go on where they were.
      if (next !== undefined) await this.#leave()
      state.stop()
      this.#states.delete(key)
    }
    for (const subscription of subscriptions) {
      const known = this.#states.get(subscription.key)
      if (known === undefined) this.#states.set(subscription.key, new SubscriptionState(subscription, engine))
      else known.become(subscription)
    }
    await this.#follow()
  }

  /** Moves what waits in the tiers of a subscription that is gone to its dead letters and deletes the tiers. Call after it was left out; again when it says false. */
  retire(subscription: Subscription, options: Pick<Retirement, 'hasSuccessor' | 'signal'>): Promise<boolean> {
    const { engine, group } = this.#options
    return retire({ engine, subscription, group: retryGroup(group), ...options })
  }

  async status(key: string): Promise<SubscriptionInfo | undefined> {
    const state = this.#states.get(key)
    if (state === undefined) return undefined
    return statusOf(state, this.#options.engine, {
      sources: [...this.#sources.workers].filter(({ options }) => options.state === state),
      tiers: [...this.#tiers.workers].filter(({ options }) => options.state === state),
      consumers: this.consumers,
    })
  }

  /** Looks how far the sources reach behind buffers that are full. */
  async refreshEnds(): Promise<void> {
    const paused = [...this.#sources.workers].filter(({ isPaused }) => isPaused)
    for (const topic of new Set(paused.map(({ id }) => id.topic))) {
      const ends = await this.#options.engine.log.endOffsets(topic)
      for (const worker of paused) {
        if (worker.id.topic !== topic) continue
        worker.knownEnd = ends.find(({ partition }) => partition === worker.id.partition)?.end ?? 0
      }
    }
  }

  /** Drains, commits, leaves. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelRefresh?.()
    for (const state of this.#states.values()) state.stop()
    await this.#leave()
  }

  async #leave(): Promise<void> {
    await Promise.all([this.#sources.close(), this.#tiers.close()])
  }

  async #follow(): Promise<void> {
    this.#cancelRefresh?.()
    const sources = new Map<string, SubscriptionState>()
    const tiers = new Map<string, SubscriptionState>()
    for (const state of this.#states.values()) {
      for (const topic of state.subscription.topics) sources.set(topic, state)
      for (const delayMs of tierDelays(state.subscription.retry))
        tiers.set(retryTopic(state.subscription, delayMs), state)
    }
    this.#followed = tiers
    this.#sources.setTopics(sources)
    this.#tiers.setTopics(tiers)
    await this.#addLeftovers(tiers, LIST_AGE_MS.beginning)
    this.#refreshLater(tiers)
  }

  #refreshLater(tiers: Map<string, SubscriptionState>): void {
    const { clock } = this.#options.engine
    if (this.#isFollowed(tiers)) this.#cancelRefresh = clock.after(REFRESH_MS, () => void this.#refresh(tiers))
  }

  #isFollowed(tiers: ReadonlyMap<string, SubscriptionState>): boolean {
    return this.#followed === tiers && !this.#isClosed
  }

  /** Tiers of an earlier policy, which may still hold records. */
  async #addLeftovers(tiers: Map<string, SubscriptionState>, maxAgeMs: number): Promise<readonly string[]> {
    const existing = await this.#options.engine.topicList.names(maxAgeMs)
    if (!this.#isFollowed(tiers)) return []
    const before = tiers.size
    for (const state of this.#states.values())
      for (const topic of tiersAmong(existing, state.subscription)) if (!tiers.has(topic)) tiers.set(topic, state)
    if (tiers.size > before) this.#tiers.setTopics(new Map(tiers))
    return existing
  }

  async #refresh(tiers: Map<string, SubscriptionState>): Promise<void> {
    const { engine, group } = this.#options
    try {
      const existing = new Set(await this.#addLeftovers(tiers, LIST_AGE_MS.again))
      if (!this.#isFollowed(tiers)) return
      const owners = [...this.#states.values()].map(({ subscription }) => subscription)
      await this.#keptMarks.keep(owners.filter((owner) => existing.has(deadLetterTopic(owner))))
    } catch (error) {
      if (this.#isFollowed(tiers)) engine.logger.warn('topics cannot be looked through', { group, error })
    }
    this.#refreshLater(tiers)
  }
}

/** What its workers cannot follow. */
function isOther(next: Subscription, known: Subscription): boolean {
  return next.ordering !== known.ordering || next.functionKey !== known.functionKey
}
