/**
 * A consumer group within this process: who reads which partition. Members that come and go revoke everything first, as Kafka's eager
 * protocol does; topics that appear or go move only what must move. One rebalance at a time; what happens meanwhile causes the next.
 */
import type { Clock } from '../../lib/clock.ts'
import type { PartitionState } from './topics.ts'

export interface Member {
  /** Whether it reads this topic. */
  wants(topic: string): boolean
  /** What it has now. */
  readonly held: ReadonlySet<PartitionState>
  /** Settles when it has let go. Nothing of it is read meanwhile. */
  revoke(partitions: readonly PartitionState[]): Promise<void>
  assign(partitions: readonly PartitionState[]): void
}

export interface GroupOptions {
  clock: Clock
  /** All partitions of all topics there are. */
  partitions(): Iterable<PartitionState>
  /** A member that has not let go by then is not asked any longer. */
  revokeTimeoutMs: number
  onError(error: unknown): void
}

export class Group {
  readonly #options: GroupOptions
  readonly #members: Member[] = []
  #wish: 'none' | 'moved' | 'all' = 'none'
  #running: Promise<void> | undefined

  constructor(options: GroupOptions) {
    this.#options = options
  }

  get isEmpty(): boolean {
    return this.#members.length === 0
  }

  join(member: Member): void {
    this.#members.push(member)
    void this.#rebalance('all')
  }

  /** Settles when the others have what it had. */
  async leave(member: Member): Promise<void> {
    const at = this.#members.indexOf(member)
    if (at < 0) return
    this.#members.splice(at, 1)
    await this.#revoke(member, [...member.held])
    await this.#rebalance('all')
  }

  /** Topics, or what members want, have changed. */
  topicsChanged(): void {
    void this.#rebalance('moved')
  }

  #rebalance(wish: 'moved' | 'all'): Promise<void> {
    this.#wish = wish === 'all' || this.#wish === 'all' ? 'all' : 'moved'
    this.#running ??= this.#run()
      .catch((error: unknown) => this.#options.onError(error))
      .finally(() => (this.#running = undefined))
    return this.#running
  }

  async #run(): Promise<void> {
    // Members that join in one turn are one rebalance.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#wish !== 'none') {
      const everything = this.#wish === 'all'
      this.#wish = 'none'
      const wanted = this.#plan()
      const losing = this.#members.map((member) => {
        const keeps = everything ? undefined : wanted.get(member)
        return { member, lost: [...member.held].filter((partition) => keeps?.has(partition) !== true) }
      })
      await Promise.all(losing.map(({ member, lost }) => this.#revoke(member, lost)))
      if (this.#wish === 'none') this.#assign(wanted)
    }
  }

  #assign(wanted: Map<Member, Set<PartitionState>>): void {
    for (const [member, partitions] of wanted) {
      const gained = [...partitions].filter((partition) => !member.held.has(partition))
      if (gained.length > 0) member.assign(gained)
    }
  }

  /** Partition n of a topic goes to the (n + something of the topic)-th member that reads it. */
  #plan(): Map<Member, Set<PartitionState>> {
    const wanted = new Map<Member, Set<PartitionState>>(this.#members.map((member) => [member, new Set()]))
    for (const state of this.#options.partitions()) {
      const readers = this.#members.filter((member) => member.wants(state.topic.name))
      const reader = readers[(state.partition + state.topic.id) % readers.length]
      if (reader !== undefined) wanted.get(reader)?.add(state)
    }
    return wanted
  }

  async #revoke(member: Member, partitions: readonly PartitionState[]): Promise<void> {
    if (partitions.length === 0) return
    const { clock, revokeTimeoutMs } = this.#options
    let cancel: () => void = () => undefined
    const timeout = new Promise<void>((resolve) => (cancel = clock.after(revokeTimeoutMs, resolve)))
    const revoked = member.revoke(partitions).catch((error: unknown) => this.#options.onError(error))
    await Promise.race([revoked, timeout])
    cancel()
  }
}
