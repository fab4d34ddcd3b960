/**
 * A consumer group within this process: who reads which partition. Members that come and go revoke everything first, as Kafka's eager
 * protocol does; topics that appear or go move only what must move. One rebalance at a time; what happens meanwhile causes the next.
 */
import type { Clock } from '../../lib/clock.ts'
import { within } from '../../lib/within.ts'
import type { PartitionState } from './topics.ts'

export interface Member {
  /** Those it wants to read. */
  readonly topics: ReadonlySet<string>
  /** What it has now. */
  held(): readonly PartitionState[]
  /** Settles when it has let go. Nothing of it is read meanwhile. */
  revoke(partitions: readonly PartitionState[]): Promise<void>
  /** It has let go, willing or not: what it still does with them counts no more. */
  drop(partitions: readonly PartitionState[]): void
  assign(partitions: readonly PartitionState[]): void
}

export interface GroupOptions {
  clock: Clock
  /** None when there is no such topic. */
  partitionsOf(topic: string): readonly PartitionState[]
  /** A member that has not let go by then is not asked any longer. */
  revokeTimeoutMs: number
  /** What was committed until now is to be seen by whoever is assigned next. */
  settleCommits(): void
  onError(error: unknown): void
}

type Plan = ReadonlyMap<Member, ReadonlySet<PartitionState>>

/** After partitions could not be assigned. */
const RETRY_MS = 1_000

export class Group {
  readonly #options: GroupOptions
  #members: Member[] = []
  #leaving: Member[] = []
  #wish: 'none' | 'moved' | 'all' = 'none'
  #running: Promise<void> | undefined
  #cancelRetry: (() => void) | undefined

  constructor(options: GroupOptions) {
    this.#options = options
  }

  get isEmpty(): boolean {
    return this.#members.length + this.#leaving.length === 0
  }

  join(member: Member): void {
    this.#members.push(member)
    void this.#rebalance('all')
  }

  /** Settles when the others have what it had. */
  async leave(member: Member): Promise<void> {
    this.#members = this.#members.filter((other) => other !== member)
    this.#leaving.push(member)
    await this.#rebalance('all')
    if (this.isEmpty) this.#cancelRetry?.()
  }

  /** These were made or deleted. */
  topicsChanged(topics: ReadonlySet<string>): void {
    const isAboutUs = this.#members.some((member) => [...topics].some((topic) => member.topics.has(topic)))
    if (isAboutUs) this.subscriptionChanged()
  }

  /** What members want has changed. */
  subscriptionChanged(): void {
    void this.#rebalance('moved')
  }

  #rebalance(wish: 'moved' | 'all'): Promise<void> {
    this.#wish = wish === 'all' || this.#wish === 'all' ? 'all' : 'moved'
    this.#running ??= this.#run()
    return this.#running
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    // Members that join in one turn are one rebalance; one that leaves may be in a hurry.
    if (this.#leaving.length === 0) await new Promise((resolve) => setImmediate(resolve))
    while (this.#wish !== 'none') {
      const everything = this.#wish === 'all'
      this.#wish = 'none'
      const left = this.#leaving
      const plan = this.#plan()
      await Promise.all([...left, ...plan.keys()].map((member) => this.#revoke(member, everything ? undefined : plan)))
      this.#leaving = this.#leaving.filter((member) => !left.includes(member))
      if (this.#wish === 'none') this.#assign(plan)
    }
    // In the same step as the last look at the wish: whoever comes later starts anew.
    this.#running = undefined
  }

  #assign(plan: Plan): void {
    try {
      this.#options.settleCommits()
      for (const [member, wanted] of plan) {
        const held = new Set(member.held())
        const gained = [...wanted].filter((partition) => !held.has(partition))
        if (gained.length > 0 || wanted.size === 0) member.assign(gained)
      }
    } catch (error) {
      this.#options.onError(error)
      this.#cancelRetry?.()
      this.#cancelRetry = this.#options.clock.after(RETRY_MS, () => void this.#rebalance('moved'))
    }
  }

  /** Partition n of a topic goes to the (n + something of the topic)-th member that reads it. */
  #plan(): Plan {
    const plan = new Map<Member, Set<PartitionState>>(this.#members.map((member) => [member, new Set()]))
    for (const topic of new Set(this.#members.flatMap((member) => [...member.topics]))) {
      const readers = this.#members.filter((member) => member.topics.has(topic))
      for (const state of this.#options.partitionsOf(topic)) {
        const reader = readers[(state.partition + state.topic.id) % readers.length]
        if (reader !== undefined) plan.get(reader)?.add(state)
      }
    }
    return plan
  }

  /** What it has and the plan, if there is one, does not leave to it. */
  async #revoke(member: Member, plan: Plan | undefined): Promise<void> {
    const kept = plan?.get(member)
    const partitions = member.held().filter((partition) => kept?.has(partition) !== true)
    if (partitions.length === 0) return
    const { clock, revokeTimeoutMs } = this.#options
    const revoked = member.revoke(partitions).catch((error: unknown) => this.#options.onError(error))
    await within(clock, revokeTimeoutMs, revoked)
    member.drop(partitions)
  }
}
