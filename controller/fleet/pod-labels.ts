/** Writes to the API what pods already are. Off the critical path: a pod serves before its labels say so, and a lost patch is written again. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Cluster } from '../../kube/cluster.ts'
import { isConflict, isNotFound } from '../../kube/errors.ts'
import { PODS } from '../../kube/objects.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import { pause } from '../../lib/pause.ts'
import { refOf, type PodRecord } from './pod-record.ts'
import { claimPatch, leavingPatch } from './resources.ts'
import { retry } from './retry.ts'

export interface PodLabelsOptions {
  cluster: Cluster
  clock: Clock
  logger: Logger
  signal: AbortSignal
}

const LONGEST_SETTLE_MS = 2_000

export class PodLabels {
  readonly #options: PodLabelsOptions
  /** By uid. */
  readonly #writing = new Map<string, Promise<void>>()

  constructor(options: PodLabelsOptions) {
    this.#options = options
  }

  /** Until it is done, the pod stops being ready, or the controller stops: then it is found and repaired by its own answer. */
  claimed(record: PodRecord): void {
    const { claim, contact, calledHome } = record
    if (claim === undefined || this.#writing.has(record.uid)) return
    const { cluster, logger, clock, signal } = this.#options
    // uid: a pod of the same name that came later is not ours to label.
    const { metadata } = claimPatch({ ...claim, ...(contact && calledHome && { contact }) })
    const patch = { metadata: { ...(metadata as object), uid: record.uid } }
    const failed = (error: unknown) => {
      if (isNotFound(error) || isConflict(error) || record.stage !== 'ready') return false
      logger.warn('the labels of a claimed pod could not be written yet', { pod: record.name, error })
      return true
    }
    const write = () => retry(() => cluster.patch(PODS, refOf(record), patch), { clock, signal, failed })
    // Off the critical path: whoever waits for this pod gets it before the API hears of it.
    const written = nextTurn()
      .then(write)
      .finally(() => this.#writing.delete(record.uid))
    this.#writing.set(record.uid, written)
  }

  /** Resolves when what is being written about these pods is, or after a while. */
  async settled(records: readonly PodRecord[]): Promise<void> {
    const { clock } = this.#options
    const writes = records.flatMap(({ uid }) => this.#writing.get(uid) ?? [])
    if (writes.length === 0) return
    const settled = new AbortController()
    void Promise.all(writes).then(() => settled.abort())
    await pause(clock, LONGEST_SETTLE_MS, settled.signal)
  }

  /** Once, best effort: it spares a controller that starts afresh the wrong belief for the moment until the pod is deleted. */
  leaving(record: PodRecord): void {
    const { cluster, logger } = this.#options
    cluster.patch(PODS, refOf(record), leavingPatch()).catch((error: unknown) => {
      if (!isNotFound(error)) logger.debug('a leaving pod could not be labelled', { pod: record.name, error })
    })
  }
}
