/**
 * Looks for other installations on the cluster, by the Leases of their controllers: two that reconcile the same Functions would take each
 * other's pods for stray ones, without end (ADR 0039). Says what it finds; leaves doing nothing to the leadership.
 */
import type { Cluster } from '../../kube/cluster.ts'
import type { LeaseSighting } from '../../kube/lease-claim.ts'
import { LEASES } from '../../kube/objects.ts'
import { monotonicClock, type Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import { decideRival } from './decide.ts'

export interface RivalWatchOptions {
  cluster: Pick<Cluster, 'list'>
  /** Our Lease. */
  own: { namespace: string; name: string }
  /** For waits. */
  clock?: Clock
  logger: Logger
  /** Called with each change; undefined: the cluster is ours. */
  onRival: (rival: string | undefined) => void
}

/** Of the Leases that controllers and the chart make. */
export const CONTROLLER_LEASE_LABELS = {
  'app.kubernetes.io/name': 'dormouse',
  'app.kubernetes.io/component': 'controller',
} as const

/** While another has the cluster: it may go. */
const SOON_MS = 3_000
const LATER_MS = 30_000

export class RivalWatch {
  readonly #options: RivalWatchOptions
  #sightings: ReadonlyMap<string, LeaseSighting> = new Map()
  #rival: string | undefined
  #seenMs = -Infinity
  #told = ''
  #isStopped = false
  #cancel: () => void = () => undefined

  constructor(options: RivalWatchOptions) {
    this.#options = options
  }

  get rival(): string | undefined {
    return this.#rival
  }

  /** Settles after the first look, whatever it was. */
  async start(): Promise<void> {
    await this.#look()
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel()
  }

  /** Never rejects: what cannot be seen now stays as it was. */
  async #look(): Promise<void> {
    const { cluster, own, clock = monotonicClock, logger, onRival } = this.#options
    try {
      const leases = await cluster.list(LEASES, { labels: CONTROLLER_LEASE_LABELS })
      const nowMs = clock.now()
      const verdict = decideRival({ leases, own, sightings: this.#lastSightings(nowMs), nowMs })
      this.#seenMs = nowMs
      this.#sightings = verdict.sightings
      this.#tell(verdict.rival, verdict.younger)
      const before = this.#rival
      this.#rival = verdict.rival
      if (before !== verdict.rival && !this.#isStopped) onRival(verdict.rival)
    } catch (error) {
      logger.warn('other installations cannot be looked for', { error })
    }
    if (!this.#isStopped)
      this.#cancel = clock.after(this.#rival === undefined ? LATER_MS : SOON_MS, () => void this.#look())
  }

  /** While we saw nothing the other may not have come through to the API either: it has its time anew. */
  #lastSightings(nowMs: number): ReadonlyMap<string, LeaseSighting> {
    const wasBlind = this.#rival !== undefined && nowMs - this.#seenMs > 2 * SOON_MS
    return wasBlind ? new Map() : this.#sightings
  }

  #tell(rival: string | undefined, younger: readonly string[]): void {
    const said = JSON.stringify([rival, younger])
    if (said === this.#told || (this.#told === '' && rival === undefined && younger.length === 0)) return
    this.#told = said
    const { logger } = this.#options
    if (rival !== undefined) return logger.error(rivalSentence(rival))
    for (const namespace of younger)
      logger.warn(
        `another installation, in namespace ${namespace}, has come to this cluster; it does nothing while we are here`,
      )
    if (younger.length === 0) logger.info('there is no other installation on this cluster any more')
  }
}

export const rivalSentence = (namespace: string): string =>
  `another installation of Dormouse, in namespace ${namespace}, was on this cluster first: this one does nothing; uninstall one of them`
