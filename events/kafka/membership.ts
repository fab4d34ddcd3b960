/**
 * A member of a consumer group, step by step: join, be told what to read, heartbeats, commits, leave. Each commit names the generation it
 * belongs to, so that the broker refuses those of a generation that is over: nobody can move the offset of a new owner.
 */
import { AssignerProtocol } from 'kafkajs'
import { EventLogError, type CommittedOffset, type PartitionId } from '../event-log.ts'
import { assignPartitions } from './assign.ts'
import { stableCommits, txnOffsetCommit } from './group-messages.ts'
import { CODES, isTransient, kafkaCode, KafkaCodeError, throwCode } from './error-codes.ts'
import type { Heartbeats } from './heartbeats.ts'
import type { KafkaClient } from './kafka-client.ts'
import { byTopic } from './list-offsets.ts'
import { readCommitted } from './kafka-topics.ts'
import { withCodes, type Broker, type InTransaction } from './wire.ts'

export interface GroupTimes {
  /** Without a heartbeat for so long the group goes on without us. */
  sessionTimeoutMs: number
  /** Members that have not joined anew by then are left behind; half of it is for letting go. */
  rebalanceTimeoutMs: number
  heartbeatMs: number
}

export interface MembershipOptions extends GroupTimes {
  client: KafkaClient
  /** Shared with other groups. */
  heartbeats: Heartbeats
  group: string
}

export interface Generation {
  readonly id: number
  readonly memberId: string
  readonly topics: readonly string[]
  readonly partitions: readonly PartitionId[]
  /** Of the topics that existed when the partitions were shared out. */
  readonly counts: ReadonlyMap<string, number>
}

/** Others must not be in our groups: they would not know how we share out. */
const PROTOCOL = 'dormouse'
const { MemberMetadata, MemberAssignment } = AssignerProtocol

export class Membership {
  readonly #options: MembershipOptions
  #memberId = ''
  #coordinator: Promise<Broker> | undefined

  constructor(options: MembershipOptions) {
    this.#options = options
  }

  get group(): string {
    return this.#options.group
  }

  /** Waits until all members have joined; tries again while others come and go. */
  async join(topics: readonly string[], signal: AbortSignal): Promise<Generation> {
    for (;;) {
      signal.throwIfAborted()
      try {
        return await this.#joinOnce(topics, signal)
      } catch (error) {
        const code = kafkaCode(error)
        if (code === CODES.UNKNOWN_MEMBER_ID) this.#memberId = ''
        else if (code !== CODES.REBALANCE_IN_PROGRESS && code !== CODES.ILLEGAL_GENERATION) throw error
      }
    }
  }

  /** Rebalancing: let go and join again. Lost: others have our partitions. Throws when the group cannot be asked. */
  async heartbeat({ id, memberId }: Generation): Promise<'ok' | 'rebalancing' | 'lost'> {
    try {
      const { heartbeats, group: groupId } = this.#options
      await this.#ask((broker) => heartbeats.send(broker, { groupId, groupGenerationId: id, memberId }))
      return 'ok'
    } catch (error) {
      const code = kafkaCode(error)
      if (code === CODES.REBALANCE_IN_PROGRESS) return 'rebalancing'
      if (code === CODES.ILLEGAL_GENERATION || code === CODES.UNKNOWN_MEMBER_ID) return 'lost'
      throw error
    }
  }

  committed({ partitions }: Generation): Promise<CommittedOffset[]> {
    const { client, group } = this.#options
    if (partitions.length === 0) return Promise.resolve([])
    return readCommitted(
      client,
      group,
      byTopic(partitions, ({ partition }) => ({ partition })),
    )
  }

  /** With those that transactions have brought. UNSTABLE_OFFSET_COMMIT: one is about to. */
  async committedStable({ partitions }: Generation): Promise<CommittedOffset[]> {
    const { group } = this.#options
    const found = await this.#ask(async (broker) => {
      const answer = await stableCommits(broker, group, partitions)
      throwCode(answer.errorCode, `reading the commits of ${group}`)
      return answer.partitions
    })
    return found.flatMap(({ errorCode, ...commit }) => {
      throwCode(errorCode, `reading the commit of ${commit.topic}/${commit.partition}`)
      return commit.offset < 0 ? [] : [commit]
    })
  }

  /** Counts when the transaction is committed; refused as `commit` is. */
  async commitInTransaction(
    { id, memberId }: Generation,
    named: InTransaction,
    offsets: readonly CommittedOffset[],
  ): Promise<void> {
    const { group: groupId } = this.#options
    const broker = await this.#find()
    try {
      const codes = await txnOffsetCommit(broker, { ...named, groupId, generationId: id, memberId, offsets })
      for (const { topic, partition, errorCode } of codes) throwCode(errorCode, `committing ${topic}/${partition}`)
    } catch (error) {
      const code = kafkaCode(error)
      if (code === undefined || isTransient(code)) this.#coordinator = undefined
      throw error
    }
  }

  /** The broker refuses those of a generation that is over: ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID. */
  async commit({ id, memberId }: Generation, offsets: readonly CommittedOffset[]): Promise<void> {
    const topics = byTopic(offsets, ({ partition, offset, metadata }) => ({ partition, offset: `${offset}`, metadata }))
    await this.#ask(async (broker) => {
      const request = { groupId: this.#options.group, groupGenerationId: id, memberId, topics }
      const { responses } = await withCodes(broker).offsetCommit(request)
      for (const { topic, partitions } of responses) {
        for (const { partition, errorCode } of partitions) {
          if (errorCode === CODES.UNKNOWN_TOPIC_OR_PARTITION)
            throw new EventLogError('not-assigned', `expected a partition that exists, ${topic}/${partition} does not`)
          throwCode(errorCode, `committing ${topic}/${partition}`)
        }
      }
    })
  }

  async leave(): Promise<void> {
    const memberId = this.#memberId
    this.#memberId = ''
    if (memberId !== '') await this.#ask((broker) => broker.leaveGroup({ groupId: this.#options.group, memberId }))
  }

  async #joinOnce(topics: readonly string[], signal: AbortSignal): Promise<Generation> {
    const joined = await this.#joinGroup(topics, signal)
    signal.throwIfAborted()
    const { generationId, memberId } = joined
    const groupAssignment = joined.leaderId === memberId ? await this.#share(joined.members) : []
    const { memberAssignment } = await this.#ask((broker) =>
      broker.syncGroup({ groupId: this.#options.group, generationId, memberId, groupAssignment }),
    )
    return generationOf({ id: generationId, memberId, topics }, memberAssignment)
  }

  /** The broker names us first and wants to be asked again by that name: known at once, it can be taken back at any time. */
  async #joinGroup(topics: readonly string[], signal: AbortSignal) {
    const { group, sessionTimeoutMs, rebalanceTimeoutMs } = this.#options
    const metadata = MemberMetadata.encode({ version: 0, topics: [...topics], userData: NOTHING })
    for (;;) {
      // The broker answers when all others have joined, which nobody waits for who is leaving.
      signal.throwIfAborted()
      const memberId = this.#memberId
      const joined = await this.#ask(async (broker) => {
        const answer = await withCodes(broker).joinGroup({
          groupId: group,
          sessionTimeout: sessionTimeoutMs,
          rebalanceTimeout: rebalanceTimeoutMs,
          memberId,
          groupProtocols: [{ name: PROTOCOL, metadata }],
        })
        if (answer.errorCode !== CODES.MEMBER_ID_REQUIRED) throwCode(answer.errorCode, `joining the group ${group}`)
        return answer
      })
      this.#memberId = joined.memberId
      if (joined.errorCode === CODES.NONE) return joined
    }
  }

  async #share(members: { memberId: string; memberMetadata: Buffer }[]) {
    const wanting = members.map(({ memberId, memberMetadata }) => ({
      memberId,
      topics: MemberMetadata.decode(memberMetadata)?.topics ?? [],
    }))
    const view = await this.#options.client.topics([...new Set(wanting.flatMap(({ topics }) => topics))])
    const counts = new Map([...view].map(([topic, partitions]) => [topic, partitions.length]))
    const plans = assignPartitions(wanting, counts)
    return wanting.map(({ memberId, topics }) => {
      const own = topics.flatMap((topic) => (counts.has(topic) ? [[topic, counts.get(topic)]] : []))
      const userData = Buffer.from(JSON.stringify(own))
      const assignment = plans.get(memberId) ?? {}
      return { memberId, memberAssignment: MemberAssignment.encode({ version: 0, assignment, userData }) }
    })
  }

  /** Once more when the group, or the broker that has it, has moved. */
  async #ask<T>(action: (coordinator: Broker) => Promise<T>): Promise<T> {
    try {
      return await action(await this.#find())
    } catch (error) {
      if (error instanceof EventLogError) throw error
      const code = kafkaCode(error)
      if (code !== undefined && !isTransient(code)) throw error
      this.#coordinator = undefined
      if (code !== CODES.NOT_COORDINATOR) throw error
      await this.#options.client.refresh()
      return await action(await this.#find())
    }
  }

  /** One that could not be found is looked for again. */
  #find(): Promise<Broker> {
    if (this.#coordinator !== undefined) return this.#coordinator
    const finding = this.#options.client.coordinator(this.#options.group)
    this.#coordinator = finding
    finding.catch(() => {
      if (this.#coordinator === finding) this.#coordinator = undefined
    })
    return finding
  }
}

const NOTHING = Buffer.alloc(0)

function generationOf(of: Pick<Generation, 'id' | 'memberId' | 'topics'>, memberAssignment: Buffer): Generation {
  const decoded = MemberAssignment.decode(memberAssignment)
  const partitions = Object.entries(decoded?.assignment ?? {}).flatMap(([topic, own]) =>
    own.map((partition) => ({ topic, partition })),
  )
  const text = decoded?.userData.toString() ?? ''
  const counts = new Map(text === '' ? [] : (JSON.parse(text) as [string, number][]))
  const wanted = new Set(of.topics)
  // One for topics that we did not ask for is of a leader that took us for another.
  const foreign = partitions.find(({ topic }) => !wanted.has(topic))
  if (foreign !== undefined)
    throw new KafkaCodeError(CODES.ILLEGAL_GENERATION, `expected partitions of our topics, got ${foreign.topic}`)
  return { ...of, partitions, counts }
}
