/**
 * One of several replicas leads, by a Lease that it renews. Promises that two never lead at once as long as clocks run at about the same speed (they may
 * show any time): who cannot renew for `renewDeadlineMs` does not lead, and nobody else begins before `durationMs` without a sign of it. Who stands
 * still so leads again with the next renewal, if nobody else has led meanwhile.
 * What leading means, and ending the process when another has the lead, is the caller's.
 */
import { monotonicClock, type Clock } from '../lib/clock.ts'
import { pause } from '../lib/pause.ts'
import { within } from '../lib/within.ts'
import { isAlreadyExists, isConflict, isNotFound } from './errors.ts'
import {
  DEFAULT_ELECTION_TIMES,
  type LeaderElectionOptions,
  type LeaderElectionTimes,
} from './leader-election-options.ts'
import { claimLease, holdLease, sightLease, type LeaseSighting } from './lease-claim.ts'
import { microTime } from './micro-time.ts'
import { LEASES, type Lease } from './objects.ts'

/** The caller starts and stops it. */
export function createLeaderElection(options: LeaderElectionOptions): LeaderElection {
  return new LeaderElection(options)
}

export class LeaderElection {
  readonly #options: LeaderElectionOptions
  readonly #times: LeaderElectionTimes
  readonly #clock: Clock
  readonly #end = new AbortController()
  /** paused: the Lease may still be ours. */
  #state: 'waiting' | 'leading' | 'paused' | 'over' = 'waiting'
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
    return this.#state === 'leading' && this.#isFresh
  }

  get #isFresh(): boolean {
    return this.#clock.now() - this.#renewedMs < this.#times.renewDeadlineMs
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
    const wasHolding = this.#isHolding
    this.#finish()
    const work = wasHolding ? this.#release() : Promise.resolve(this.#running)
    // An API server that does not answer keeps nobody from ending.
    await within(this.#clock, this.#times.retryMs, work)
  }

  #finish(): void {
    this.#state = 'over'
    this.#end.abort()
    this.#cancelDeadline()
  }

  async #run(): Promise<void> {
    while (this.#state === 'waiting') await this.#wait()
    while (this.#isHolding) await this.#lead()
  }

  get #isHolding(): boolean {
    return this.#state === 'leading' || this.#state === 'paused'
  }

  async #wait(): Promise<void> {
    const { logger, name } = this.#options
    try {
      const claim = await this.#claim()
      if (this.#state !== 'waiting') return
      if (claim.kind !== 'held') return await this.#take()
      await this.#pause(Math.min(claim.forMs, this.#times.retryMs))
    } catch (error) {
      logger.warn('the lease could not be read or taken, tries again', { lease: name, error })
      await this.#pause(this.#times.retryMs)
    }
  }

  async #claim() {
    const { cluster, namespace, name, identity } = this.#options
    this.#lease = await cluster.get(LEASES, { namespace, name })
    const nowMs = this.#clock.now()
    if (this.#lease) this.#sighting = sightLease(this.#lease, this.#sighting, nowMs)
    return claimLease(this.#sighting, { identity, nowMs })
  }

  /** Of several who try at once, the first wins: the others' resourceVersion has passed. */
  async #take(): Promise<void> {
    try {
      await this.#write(this.#clock.now())
    } catch (error) {
      if (!isConflict(error) && !isAlreadyExists(error) && !isNotFound(error)) throw error
      return
    }
    if (this.#state !== 'waiting') return await this.#release()
    // Answered so late that it would have to pause at once: it tries again.
    if (this.#isFresh) this.#begin()
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
    // Since it was begun: with slow answers there would be no time left for a second attempt.
    await this.#pause(Math.max(0, this.#renewedMs + this.#times.renewEveryMs - this.#clock.now()))
    const dueMs = this.#clock.now()
    while (this.#isHolding) {
      const startedMs = this.#clock.now()
      this.#renewing = this.#renew(startedMs)
      // An attempt that nobody answers must not keep the next one from being made.
      await Promise.race([this.#renewing, this.#pause(this.#times.retryMs)])
      // By any attempt that succeeded, also an earlier one: answers that take longer than a retry are answers.
      if (this.#state === 'paused' && this.#isFresh) this.#begin()
      if (this.#renewedMs >= dueMs) return
      await this.#pause(startedMs + this.#times.retryMs - this.#clock.now())
    }
  }

  async #renew(startedMs: number): Promise<void> {
    const { logger, name } = this.#options
    const known = this.#lease
    try {
      await this.#write(startedMs)
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error) && !isAlreadyExists(error)) {
        return logger.warn('the lease could not be renewed', { lease: name, error })
      }
      // An earlier attempt of ours that was answered meanwhile.
      if (this.#lease !== known) return
      await this.#contest(startedMs)
    }
  }

  /** Somebody else has written the Lease, or removed it; if it is still ours, or nobody's, we go on. */
  async #contest(startedMs: number): Promise<void> {
    const { logger, name } = this.#options
    try {
      const claim = await this.#claim()
      if (claim.kind === 'held') return this.#lose(`${claim.by} has taken the lease`)
      // Whoever gave it back, or let it run out, has led: what we know is not what is.
      if (this.#state === 'paused' && claim.kind === 'free' && this.#lease)
        return this.#lose('another has led meanwhile')
      if (this.#isHolding) await this.#write(startedMs)
    } catch (error) {
      logger.warn('the lease could not be renewed', { lease: name, error })
    }
  }

  async #write(startedMs: number): Promise<void> {
    const { cluster, namespace, name, identity, labels = {}, now = Date.now } = this.#options
    const old = this.#lease
    const spec = holdLease(old, { identity, durationMs: this.#times.durationMs, nowMs: now() })
    this.#lease = old
      ? await cluster.patch(LEASES, old.metadata, { spec }, { resourceVersion: old.metadata.resourceVersion })
      : await cluster.create(LEASES, {
          ...{ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace, name, labels }, spec },
        })
    this.#renewedMs = Math.max(this.#renewedMs, startedMs)
  }

  #watchDeadline(): void {
    const { renewDeadlineMs } = this.#times
    const leftMs = this.#renewedMs + renewDeadlineMs - this.#clock.now()
    if (leftMs <= 0) return this.#stand(`the lease could not be renewed for ${renewDeadlineMs} ms`)
    this.#cancelDeadline = this.#clock.after(leftMs, () => this.#watchDeadline())
  }

  /** Nobody else can lead before we have been silent for longer. */
  #stand(reason: string): void {
    if (this.#state !== 'leading') return
    this.#state = 'paused'
    this.#options.logger.warn('does not lead until the lease is renewed', { lease: this.#options.name, reason })
    this.#options.onPause(reason)
  }

  #lose(reason: string): void {
    if (!this.#isHolding) return
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
