/** Writes to the API what pods already are. Off the critical path: a pod serves before its labels say so, and a lost patch is written again. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Cluster } from '../../kube/cluster.ts'
import { isConflict, isNotFound } from '../../kube/errors.ts'
import { PODS } from '../../kube/objects.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import { pause } from '../../lib/pause.ts'
import { AT_ONCE_MS } from '../after-wake.ts'
import { refOf, type PodRecord } from './pod-record.ts'
import { claimPatch, leavingPatch } from './resources.ts'
import { retry } from './retry.ts'

export interface PodLabelsOptions {
  cluster: Cluster
  clock: Clock
  logger: Logger
  signal: AbortSignal
  /** How long after a claim it is written. */
  afterWakeMs: number
}

const LONGEST_SETTLE_MS = 2_000

interface Writing {
  written: Promise<void>
  /** Somebody waits for it. */
  hurry: AbortController
}

export class PodLabels {
  readonly #options: PodLabelsOptions
  /** By uid. */
  readonly #writing = new Map<string, Writing>()

  constructor(options: PodLabelsOptions) {
    this.#options = options
  }

  /** Until it is done, the pod stops being ready, or the controller stops: then it is found and repaired by its own answer. */
  claimed(record: PodRecord): void {
    const { claim, contact, calledHome } = record
    if (claim === undefined || this.#writing.has(record.uid)) return
    const { cluster, logger, clock, signal, afterWakeMs } = this.#options
    // uid: a pod of the same name that came later is not ours to label.
    const { metadata } = claimPatch({ ...claim, ...(contact && calledHome && { contact }) })
    const patch = { metadata: { ...(metadata as object), uid: record.uid } }
    const failed = (error: unknown) => {
      if (isNotFound(error) || isConflict(error) || record.stage !== 'ready') return false
      logger.warn('the labels of a claimed pod could not be written yet', { pod: record.name, error })
      return true
    }
    const write = async () => {
      // Meanwhile it may have been told to leave, and labelled so.
      if (record.stage === 'ready')
        await retry(() => cluster.patch(PODS, refOf(record), patch), { clock, signal, failed })
    }
    const hurry = new AbortController()
    const isLater = AbortSignal.any([hurry.signal, signal])
    const written = (afterWakeMs === AT_ONCE_MS ? nextTurn() : pause(clock, afterWakeMs, isLater))
      .then(write)
      .finally(() => this.#writing.delete(record.uid))
    this.#writing.set(record.uid, { written, hurry })
  }

  /** Resolves when what is to be written about these pods is, or after a while. */
  async settled(records: readonly PodRecord[]): Promise<void> {
    const { clock } = this.#options
    const writes = records.flatMap(({ uid }) => this.#writing.get(uid) ?? [])
    if (writes.length === 0) return
    const settled = new AbortController()
    for (const { hurry } of writes) hurry.abort()
    void Promise.all(writes.map(({ written }) => written)).then(() => settled.abort())
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
