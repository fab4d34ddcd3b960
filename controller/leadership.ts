/**
 * Who may act. Of several controllers on one cluster all look and tell data planes what they see; one, the leader, also writes: revisions,
 * statuses, pools, scale, ticks. A replica that has led and lost it does not become a follower again: it ends (ADR 0029).
 */
import type { Metrics } from '../lib/metrics.ts'

export interface Leadership {
  readonly leads: boolean
  /** Called once, when this replica becomes the leader; not for one that leads already. Returns the unsubscribe. */
  onLead(listener: () => void): () => void
}

/** Of the one controller there is, as in local mode. */
export const SOLE_LEADERSHIP: Leadership = { leads: true, onLead: () => () => undefined }

/** The leadership of one replica among several. */
export class LeaderSeat implements Leadership {
  readonly #listeners = new Set<() => void>()
  #leads = false

  get leads(): boolean {
    return this.#leads
  }

  onLead(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  take(): void {
    if (this.#leads) return
    this.#leads = true
    this.#listeners.forEach((listener) => listener())
  }

  /** From here on nothing is written that only a leader may write. */
  leave(): void {
    this.#leads = false
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
  start(): void
  /** Gives the lead up, if it was had, so that another replica need not wait. Settles when that is done. */
  stop(): Promise<void>
}

export interface ElectionEvents {
  onLead: () => void
  /** The lead was had and another may have it now; why. */
  onLost: (reason: string) => void
}

export type CreateElection = (events: ElectionEvents) => Election
