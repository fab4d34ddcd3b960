/** Writes to the API what pods already are. Off the critical path: a pod serves before its labels say so, and a lost patch is written again. */
import type { Cluster } from '../../kube/cluster.ts'
import { isConflict, isNotFound } from '../../kube/errors.ts'
import { PODS } from '../../kube/objects.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import { refOf, type PodRecord } from './pod-record.ts'
import { claimPatch, leavingPatch } from './resources.ts'
import { retry } from './retry.ts'

export interface PodLabelsOptions {
  cluster: Cluster
  clock: Clock
  logger: Logger
  signal: AbortSignal
}

export class PodLabels {
  readonly #options: PodLabelsOptions
  readonly #writing = new Set<string>()

  constructor(options: PodLabelsOptions) {
    this.#options = options
  }

  /** Until it is done, the pod stops being ready, or the controller stops: then it is found and repaired by its own answer. */
  claimed(record: PodRecord): void {
    const { claim, contact, calledHome } = record
    if (claim === undefined || this.#writing.has(record.uid)) return
    this.#writing.add(record.uid)
    const { cluster, logger, clock, signal } = this.#options
    // uid: a pod of the same name that came later is not ours to label.
    const { metadata } = claimPatch({ ...claim, ...(contact && calledHome && { contact }) })
    const patch = { metadata: { ...(metadata as object), uid: record.uid } }
    const failed = (error: unknown) => {
      if (isNotFound(error) || isConflict(error) || record.stage !== 'ready') return false
      logger.warn('the labels of a claimed pod could not be written yet', { pod: record.name, error })
      return true
    }
    void retry(() => cluster.patch(PODS, refOf(record), patch), { clock, signal, failed }).finally(() =>
      this.#writing.delete(record.uid),
    )
  }

  /** Once, best effort: it spares a controller that starts afresh the wrong belief for the moment until the pod is deleted. */
  leaving(record: PodRecord): void {
    const { cluster, logger } = this.#options
    cluster.patch(PODS, refOf(record), leavingPatch()).catch((error: unknown) => {
      if (!isNotFound(error)) logger.debug('a leaving pod could not be labelled', { pod: record.name, error })
    })
  }
}
