/**
 * One of several replicas leads, by a Lease that it renews. Promises that two never lead at once as long as clocks run at about the same speed (they may
 * show any time): who cannot renew for `renewDeadlineMs` leads no longer, and nobody else begins before `durationMs` without a sign of it.
 * What leading means, and ending the process when it is over, is the caller's.
 */
import { monotonicClock, type Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { pause } from '../lib/pause.ts'
import type { Cluster } from './cluster.ts'
import { isAlreadyExists, isConflict, isNotFound } from './errors.ts'
import { claimLease, sightLease, type LeaseSighting } from './lease-claim.ts'
import { microTime } from './micro-time.ts'
import { LEASES, type Lease } from './objects.ts'

export interface LeaderElectionOptions {
  cluster: Pick<Cluster, 'create' | 'get' | 'patch'>
  namespace: string
  /** Of the Lease. */
  name: string
  /** Of this replica, and of no other that lives: the pod's name. A replica that comes back under its name leads again at once. */
  identity: string
  logger: Logger
  /** At most once. */
  onLead: () => void
  /** At most once, after onLead; never for `stop`. This election is over then: end the process. */
  onLost: (reason: string) => void
  times?: Partial<LeaderElectionTimes>
  /** For waits. */
  clock?: Clock
  /** Epoch milliseconds, for what people read in the Lease. */
  now?: () => number
}

export interface LeaderElectionTimes {
  /** Others wait for so long after the last sign of a leader. Whole seconds. */
  durationMs: number
  /** A leader that has not renewed for so long leads no longer; the difference is for clocks that run fast and for work in flight. */
  renewDeadlineMs: number
  /** Between renewals that succeed: a write to the API each. */
  renewEveryMs: number
  /** Between looks at another's Lease, and between renewals after one that failed. */
  retryMs: number
}

export const DEFAULT_ELECTION_TIMES: LeaderElectionTimes = {
  durationMs: 6_000,
  renewDeadlineMs: 4_000,
  renewEveryMs: 2_000,
  retryMs: 1_000,
}

/** The caller starts and stops it. */
export function createLeaderElection(options: LeaderElectionOptions): LeaderElection {
  return new LeaderElection(options)
}

export class LeaderElection {
  readonly #options: LeaderElectionOptions
  readonly #times: LeaderElectionTimes
  readonly #clock: Clock
  readonly #end = new AbortController()
  #state: 'waiting' | 'leading' | 'over' = 'waiting'
  /** As last read or written. */
  #lease: Lease | undefined
  #sighting: LeaseSighting | undefined
  /** When the last renewal that succeeded was begun. */
  #renewedMs = 0
  #running: Promise<void> | undefined
  #renewing: Promise<unknown> = Promise.resolve()
  #cancelDeadline: () => void = () => undefined

  constructor(options: LeaderElectionOptions) {
    this.#options = options
    this.#times = { ...DEFAULT_ELECTION_TIMES, ...options.times }
    this.#clock = options.clock ?? monotonicClock
  }

  /** By the clock, not by timers: a process that was stopped for a minute does not lead, though nobody has told it yet. */
  get isLeader(): boolean {
    return this.#state === 'leading' && this.#clock.now() - this.#renewedMs < this.#times.renewDeadlineMs
  }

  /** Who leads, as far as we have seen. */
  get leader(): string | undefined {
    return this.#lease?.spec?.holderIdentity || undefined
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Gives the lead back, so that another has it within a second. Call it when the work that only a leader may do has ended. */
  async stop(): Promise<void> {
    const wasLeading = this.#state === 'leading'
    this.#finish()
    const ended = new AbortController()
    const work = wasLeading ? this.#release() : Promise.resolve(this.#running)
    // An API server that does not answer keeps nobody from ending.
    await Promise.race([work, pause(this.#clock, this.#times.retryMs, ended.signal)])
    ended.abort()
  }

  #finish(): void {
    this.#state = 'over'
    this.#end.abort()
    this.#cancelDeadline()
  }

  async #run(): Promise<void> {
    while (this.#state === 'waiting') await this.#wait()
    while (this.#state === 'leading') await this.#lead()
  }

  async #wait(): Promise<void> {
    const { logger, name } = this.#options
    try {
      const startedMs = this.#clock.now()
      const claim = await this.#claim()
      if (this.#state !== 'waiting') return
      if (claim.kind !== 'held') return await this.#take(startedMs)
      await this.#pause(Math.min(claim.forMs, this.#times.retryMs))
    } catch (error) {
      logger.warn('the lease could not be read or taken, tries again', { lease: name, error })
      await this.#pause(this.#times.retryMs)
    }
  }

  async #claim() {
    const { cluster, namespace, name, identity } = this.#options
    this.#lease = await cluster.get(LEASES, { namespace, name })
    if (!this.#lease) return { kind: 'free' } as const
    const nowMs = this.#clock.now()
    this.#sighting = sightLease(this.#lease, this.#sighting, nowMs)
    return claimLease(this.#lease, this.#sighting, { identity, nowMs })
  }

  /** Of several who try at once, the first wins: the others' resourceVersion has passed. */
  async #take(startedMs: number): Promise<void> {
    try {
      await this.#write(startedMs)
    } catch (error) {
      if (!isConflict(error) && !isAlreadyExists(error) && !isNotFound(error)) throw error
      return
    }
    if (this.#state !== 'waiting') return await this.#release()
    this.#begin()
  }

  #begin(): void {
    const { logger, onLead, identity, name } = this.#options
    this.#state = 'leading'
    this.#watchDeadline()
    logger.info('leads', { lease: name, identity })
    try {
      onLead()
    } catch (error) {
      logger.error('could not begin to lead', { lease: name, error })
      this.#lose('what a leader does could not be begun')
    }
  }

  async #lead(): Promise<void> {
    await this.#pause(this.#times.renewEveryMs)
    while (this.#state === 'leading') {
      const startedMs = this.#clock.now()
      this.#renewing = this.#renew(startedMs)
      // An attempt that nobody answers must not keep the next one from being made.
      await Promise.race([this.#renewing, this.#pause(this.#times.retryMs)])
      if (this.#renewedMs >= startedMs) return
      await this.#pause(startedMs + this.#times.retryMs - this.#clock.now())
    }
  }

  async #renew(startedMs: number): Promise<void> {
    const { logger, name } = this.#options
    try {
      await this.#write(startedMs)
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error) && !isAlreadyExists(error)) {
        return logger.warn('the lease could not be renewed', { lease: name, error })
      }
      await this.#contest(startedMs)
    }
  }

  /** Somebody else has written the Lease, or removed it; if it is still ours, or nobody's, we go on. */
  async #contest(startedMs: number): Promise<void> {
    const { logger, name } = this.#options
    try {
      const claim = await this.#claim()
      if (claim.kind === 'held') return this.#lose(`${claim.by} has taken the lease`)
      if (this.#state === 'leading') await this.#write(startedMs)
    } catch (error) {
      logger.warn('the lease could not be renewed', { lease: name, error })
    }
  }

  async #write(startedMs: number): Promise<void> {
    const { cluster, namespace, name, identity, now = Date.now } = this.#options
    const time = microTime(now())
    const old = this.#lease
    const isOurs = old?.spec?.holderIdentity === identity
    const spec = {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(this.#times.durationMs / 1000),
      renewTime: time,
      ...(!isOurs && { acquireTime: time, leaseTransitions: (old?.spec?.leaseTransitions ?? -1) + 1 }),
    }
    this.#lease = old
      ? await cluster.patch(LEASES, old.metadata, { spec }, { resourceVersion: old.metadata.resourceVersion })
      : await cluster.create(LEASES, {
          ...{ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace, name }, spec },
        })
    this.#renewedMs = Math.max(this.#renewedMs, startedMs)
  }

  #watchDeadline(): void {
    const { renewDeadlineMs } = this.#times
    const leftMs = this.#renewedMs + renewDeadlineMs - this.#clock.now()
    if (leftMs <= 0) return this.#lose(`the lease could not be renewed for ${renewDeadlineMs} ms`)
    this.#cancelDeadline = this.#clock.after(leftMs, () => this.#watchDeadline())
  }

  #lose(reason: string): void {
    if (this.#state !== 'leading') return
    this.#finish()
    this.#options.logger.error('leads no longer', { lease: this.#options.name, reason })
    this.#options.onLost(reason)
  }

  /** Best effort: without it others wait until the Lease has run out. */
  async #release(): Promise<void> {
    const { cluster, logger, name, identity, now = Date.now } = this.#options
    try {
      await this.#renewing
      const lease = this.#lease
      if (lease?.spec?.holderIdentity !== identity) return
      const { resourceVersion } = lease.metadata
      const spec = { holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(now()) }
      await cluster.patch(LEASES, lease.metadata, { spec }, { resourceVersion })
      logger.info('gave the lead back', { lease: name })
    } catch (error) {
      logger.warn('the lease could not be given back, others wait until it has run out', { lease: name, error })
    }
  }

  #pause(delayMs: number): Promise<void> {
    return pause(this.#clock, delayMs, this.#end.signal)
  }
}
