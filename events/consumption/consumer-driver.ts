/**
 * One consumer of the log and the workers of what it is assigned. Commits once a second, after a thousand acknowledgements, and when
 * partitions are taken away; a commit says what each partition's tracker knows.
 */
import {
  EventLogError,
  partitionName,
  type Assignment,
  type Consumer,
  type PartitionId,
  type StartFrom,
} from '../event-log.ts'
import { within } from '../../lib/within.ts'
import type { Engine } from './engine.ts'
import type { Role } from './entry.ts'
import { PartitionWorker } from './partition-worker.ts'
import { ConsumerStats } from './stats.ts'
import type { SubscriptionState } from './subscription-state.ts'

export interface DriverOptions {
  engine: Engine
  group: string
  role: Role
  startFrom: StartFrom
}

export class ConsumerDriver {
  readonly #options: DriverOptions
  #states: ReadonlyMap<string, SubscriptionState> = new Map()
  readonly #workers = new Map<string, PartitionWorker>()
  readonly #dirty = new Set<PartitionWorker>()
  #consumer: Consumer | undefined
  /** Its own, counted. */
  #handOver: Consumer['handOver']
  #unsaved = 0
  #cancelCommit: (() => void) | undefined
  #isCommitNear = false
  #committing: Promise<void> | undefined
  readonly stats = new ConsumerStats()

  constructor(options: DriverOptions) {
    this.#options = options
  }

  get workers(): Iterable<PartitionWorker> {
    return this.#workers.values()
  }

  /** Topic → whose it is. Joins the group when there is something to read. */
  setTopics(states: ReadonlyMap<string, SubscriptionState>): void {
    const isSame = states.size === this.#states.size && [...states.keys()].every((topic) => this.#states.has(topic))
    this.#states = new Map(states)
    if (this.#consumer !== undefined) return isSame ? undefined : this.#consumer.subscribe([...states.keys()])
    if (states.size === 0) return
    this.#consumer = this.#join([...states.keys()])
    this.#handOver = this.#consumer.handOver && this.stats.counting(this.#consumer.handOver)
  }

  /** Lets what runs end within the grace, commits, leaves the group; `setTopics` joins it again. */
  async close(): Promise<void> {
    await this.#consumer?.close()
    this.#consumer = undefined
    this.#handOver = undefined
    this.#states = new Map()
    this.#cancelCommit?.()
    this.#cancelCommit = undefined
    this.#isCommitNear = false
    for (const worker of [...this.#workers.values()]) this.#drop(worker)
  }

  #join(topics: string[]): Consumer {
    const { engine, group, startFrom } = this.#options
    return engine.log.consumer({
      group,
      topics,
      startFrom,
      handsOver: true,
      onAssigned: (assignments) => this.#assigned(assignments),
      onRevoked: (partitions) => this.#revoked(partitions),
      onRecords: (partition, records) => this.#workers.get(partitionName(partition))?.accept(records),
      onPosition: (partition, position) => this.#passed(partition, position),
      onError: (error) => {
        this.stats.error(error, engine.wall.now())
        engine.sparingLog.warn(error.message, 'a consumer met an error and goes on', { group, error })
      },
    })
  }

  #assigned(assignments: readonly Assignment[]): void {
    if (assignments.length === 0) return
    const { engine, role, group } = this.#options
    this.stats.rebalances++
    for (const assignment of assignments) {
      const state = this.#states.get(assignment.topic)
      if (state === undefined) continue
      const known = this.#workers.get(partitionName(assignment))
      if (known !== undefined) this.#drop(known)
      const worker: PartitionWorker = new PartitionWorker({
        ...{ engine, state, role, group, assignment },
        pause: () => this.#consumer?.pause([assignment]),
        resume: () => this.#consumer?.resume([assignment]),
        handOver: () => this.#handOver,
        onProgress: (acknowledged) => this.#progressed(worker, acknowledged),
      })
      this.#workers.set(partitionName(assignment), worker)
      // "The end as it was when we joined" must survive a restart before the first record.
      this.#progressed(worker, 0)
    }
  }

  async #revoked(partitions: readonly PartitionId[]): Promise<void> {
    const { engine } = this.#options
    const workers = partitions.flatMap((partition) => this.#workers.get(partitionName(partition)) ?? [])
    const drained = Promise.all(workers.map((worker) => worker.drain()))
    await within(engine.clock, engine.limits.revokeGraceMs, drained)
    await this.#committing
    // No more than is news: of a topic that was made anew meanwhile, what is known already would be a lie.
    await this.#commit(workers.filter((worker) => this.#dirty.has(worker)))
    for (const worker of workers) this.#drop(worker)
  }

  #drop(worker: PartitionWorker): void {
    worker.drop()
    this.#dirty.delete(worker)
    if (this.#workers.get(partitionName(worker.id)) === worker) this.#workers.delete(partitionName(worker.id))
  }

  /** Markers of transactions, and what was deleted, are no lag: neither here nor for who reads our commits. */
  #passed(partition: PartitionId, position: number): void {
    const worker = this.#workers.get(partitionName(partition))
    if (worker?.tracker.pass(position) === true) this.#progressed(worker, 0)
  }

  #progressed(worker: PartitionWorker, acknowledged: number): void {
    const { engine } = this.#options
    this.#dirty.add(worker)
    this.#unsaved += acknowledged
    if (this.#unsaved >= engine.limits.commitEvery) return this.#commitSoon(0)
    this.#commitSoon(engine.limits.commitIntervalMs)
  }

  #commitSoon(delayMs: number): void {
    const { clock } = this.#options.engine
    if (this.#committing !== undefined || this.#isCommitNear) return
    if (delayMs > 0 && this.#cancelCommit !== undefined) return
    this.#cancelCommit?.()
    this.#isCommitNear = delayMs === 0
    this.#cancelCommit = clock.after(delayMs, () => {
      this.#cancelCommit = undefined
      this.#isCommitNear = false
      this.#committing = this.#commit([...this.#dirty]).finally(() => {
        this.#committing = undefined
        if (this.#dirty.size > 0) this.#commitSoon(this.#options.engine.limits.commitIntervalMs)
      })
    })
  }

  /** Never throws: what could not be committed is tried again with the next. */
  async #commit(workers: readonly PartitionWorker[]): Promise<void> {
    const { engine, group } = this.#options
    const alive = workers.filter((worker) => !worker.isGone && !worker.handOvers.isBusy)
    // Those that hand over commit by that, and stay dirty.
    if (alive.length === 0 || this.#consumer === undefined) return
    await this.#commitWith(this.#consumer, alive).catch(async (error: unknown) => {
      if (error instanceof EventLogError && error.code === 'not-assigned') return this.#commitEach(alive)
      this.stats.commitFailures++
      // One that was dropped meanwhile would be tried for ever.
      alive.filter((worker) => !worker.isGone).forEach((worker) => this.#dirty.add(worker))
      engine.logger.warn('a commit failed and is tried again', { group, error })
    })
  }

  /** One that is gone, as its topic may be, has them all refused. */
  async #commitEach(workers: readonly PartitionWorker[]): Promise<void> {
    if (workers.length > 1) for (const worker of workers) await this.#commit([worker])
  }

  async #commitWith(consumer: Consumer, workers: readonly PartitionWorker[]): Promise<void> {
    const { clock } = this.#options.engine
    this.#unsaved = 0
    workers.forEach((worker) => this.#dirty.delete(worker))
    const startedMs = clock.now()
    await consumer.commit(workers.map((worker) => worker.commitOf()))
    this.stats.committed(clock.now() - startedMs)
  }
}
