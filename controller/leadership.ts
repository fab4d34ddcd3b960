/**
 * Who may act. Of several controllers on one cluster all look and tell data planes what they see; one, the leader, also writes: revisions,
 * statuses, pools, scale, ticks. One that cannot renew its lease pauses, and goes on when it can; one that finds that another has led ends
 * (ADRs 0029, 0039).
 */
import { requeueAfter, type Outcome } from '../kube/control-loop.ts'
import type { Metrics } from '../lib/metrics.ts'

export interface Leadership {
  readonly leads: boolean
  /** Called when this replica becomes the leader, and when it goes on after a pause; not for one that leads already. Returns the unsubscribe. */
  onLead(listener: () => void): () => void
}

/** Of the one controller there is, as in local mode. */
export const SOLE_LEADERSHIP: Leadership = { leads: true, onLead: () => () => undefined }

/** Who does not lead looks again whether it does. */
const LOOK_AGAIN_MS = 1_000

type Reconcile = (key: string, signal: AbortSignal) => Promise<Outcome>

/** A reconcile of what only a leader may write: put off while this replica does not lead. */
export function whileLeading(
  reconcile: Reconcile,
  { leadership = SOLE_LEADERSHIP }: { leadership?: Pick<Leadership, 'leads'> },
): Reconcile {
  return async (key, signal) => (leadership.leads ? reconcile(key, signal) : requeueAfter(LOOK_AGAIN_MS))
}

/** The leadership of one replica among several. */
export class LeaderSeat implements Leadership {
  readonly #listeners = new Set<() => void>()
  #isElected = false
  #isYielding = false
  #election: Pick<Election, 'isLeader'> | undefined

  /** By the election's clock, too: a process that was frozen has not been told yet that it leads no longer. */
  get leads(): boolean {
    return this.#isElected && !this.#isYielding && this.#election?.isLeader !== false
  }

  /** What it is told comes of this election. */
  follow(election: Pick<Election, 'isLeader'>): void {
    this.#election = election
  }

  onLead(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  take(): void {
    this.#change(() => (this.#isElected = true))
  }

  /** From here on nothing is written that only a leader may write. */
  leave(): void {
    this.#isElected = false
  }

  /** Another installation has the cluster, or has it no longer. */
  yield(isYielding: boolean): void {
    this.#change(() => (this.#isYielding = isYielding))
  }

  #change(change: () => void): void {
    const led = this.leads
    change()
    if (!led && this.leads) this.#listeners.forEach((listener) => listener())
  }
}

export function registerLeaderGauge(metrics: Metrics, leadership: Leadership): void {
  metrics.gauge({
    name: 'dormouse_controller_leader',
    help: '1 while this replica leads: it alone reconciles, scales and refills pools.',
    collect: (gauge) => gauge.set(leadership.leads ? 1 : 0),
  })
}

/** Takes part in the choice of the leader. */
export interface Election {
  /** At this moment, whatever its events have told. */
  readonly isLeader: boolean
  start(): void
  /** Gives the lead up, if it was had, so that another replica need not wait. Settles when that is done. */
  stop(): Promise<void>
}

export interface ElectionEvents {
  onLead: () => void
  /** Nothing may be written until onLead comes again; why. */
  onPause: (reason: string) => void
  /** Another has the lead or has had it; why. */
  onLost: (reason: string) => void
}

export type CreateElection = (events: ElectionEvents) => Election
