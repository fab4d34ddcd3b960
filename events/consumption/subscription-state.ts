/** What the partitions of one subscription share: its definition as it now is, back-pressure, circuit, counts, and its own topics. */
import { Circuit } from '../circuit.ts'
import type { ErrorClass } from '../delivery.ts'
import type { TopicSpec } from '../event-log.ts'
import { tierDelays } from '../retry-policy.ts'
import type { Subscription } from '../subscription.ts'
import { deadLetterTopic } from '../topic-names.ts'
import { dueOf, oldestDueAgeMs, startableOf, type Startable } from './backlog.ts'
import type { Engine } from './engine.ts'
import { Hold } from './hold.ts'
import { Orphans } from './orphans.ts'
import type { PartitionWorker } from './partition-worker.ts'
import { Stats } from './stats.ts'

const MAX_TIER_PARTITIONS = 6
const MAX_DEAD_LETTER_PARTITIONS = 3
/** Longer than a source keeps records by default: who comes back from holidays finds them. */
const OWN_TOPIC_RETENTION_MS = 14 * 24 * 60 * 60_000

export class SubscriptionState {
  subscription: Subscription
  readonly stats = new Stats()
  readonly hold: Hold
  readonly workers = new Set<PartitionWorker>()
  readonly orphans: Orphans
  readonly #engine: Engine
  readonly #circuit = new Circuit()
  readonly #ensured = new Map<string, Promise<void>>()

  constructor(subscription: Subscription, engine: Engine) {
    this.subscription = subscription
    this.#engine = engine
    this.orphans = new Orphans({ log: engine.log, clock: engine.clock, wall: engine.wall, key: subscription.key })
    this.hold = new Hold({ clock: engine.clock, onOpen: () => this.offerAll() })
  }

  /** Delays of an earlier policy are forgotten: whoever changes it every day must not have more series every day. */
  become(subscription: Subscription): void {
    this.subscription = subscription
    const delays = tierDelays(subscription.retry)
    const counts = this.stats.retriedAfterMs
    for (const delayMs of [...counts.keys()]) if (!delays.includes(delayMs)) counts.delete(delayMs)
  }

  get circuitOpen(): boolean {
    return this.#circuit.isOpen
  }

  /** Records due and not running. */
  get due(): number {
    return dueOf(this.workers)
  }

  /** Of the oldest record due and not done. */
  oldestDueAgeMs(nowMs: number): number | undefined {
    const ages = [...this.workers].flatMap((worker) => oldestDueAgeMs(worker, nowMs) ?? [])
    return ages.length === 0 ? undefined : Math.max(...ages)
  }

  get startable(): Startable {
    return startableOf(this.workers, this.subscription.batch?.size)
  }

  offerAll(): void {
    for (const worker of this.workers) worker.offer()
  }

  /** An attempt reached its end. Undefined class: it did not fail. */
  attempted(errorClass: ErrorClass | undefined, isProbe: boolean): void {
    // What was under way when the circuit opened says nothing new.
    if (this.#circuit.isOpen && !isProbe) return
    const wasOpen = this.#circuit.isOpen
    const waitMs = this.#circuit.record(errorClass, this.#engine.clock.now())
    if (waitMs !== undefined && !wasOpen) this.stats.circuitOpened++
    if (waitMs !== undefined) this.hold.hold('the circuit is open: most attempts cannot reach the function', waitMs)
    else if (isProbe) this.hold.probeSucceeded()
  }

  /** Makes a topic of its own on first use. Throws EventLogError; then the next call tries again. */
  async ensureTopic(topic: string): Promise<void> {
    const known = this.#ensured.get(topic)
    if (known !== undefined) return known
    const making = this.#make(topic)
    this.#ensured.set(topic, making)
    await making.catch((error: unknown) => {
      this.#ensured.delete(topic)
      throw error
    })
  }

  stop(): void {
    this.hold.stop()
  }

  async #make(topic: string): Promise<void> {
    const { log, topicList } = this.#engine
    const sources = await log.describe(this.subscription.topics)
    const most = Math.max(1, ...sources.map(({ partitions }) => partitions))
    const limit = topic === deadLetterTopic(this.subscription) ? MAX_DEAD_LETTER_PARTITIONS : MAX_TIER_PARTITIONS
    const spec: TopicSpec = { topic, partitions: Math.min(most, limit), retentionMs: OWN_TOPIC_RETENTION_MS }
    await log.ensureTopics([spec])
    topicList.forget()
  }
}
