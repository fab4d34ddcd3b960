/** Finds, every so often, what no event tells: lost label patches, silent pods, deletions that were missed. Writes nothing when all is well. */
import type { Cache, Cluster } from '../../kube/cluster.ts'
import { PODS, type Pod } from '../../kube/objects.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Leadership } from '../leadership.ts'
import type { PodInspector } from './pod-inspection.ts'
import type { PodLabels } from './pod-labels.ts'
import { isStillThere } from '../ownership.ts'
import { refOf, type PodRecord } from './pod-record.ts'
import type { PodRemoval } from './pod-removal.ts'
import type { PodResize } from './pod-resize.ts'
import type { PodTable } from './pod-table.ts'

export interface PodResyncOptions {
  clock: Clock
  everyMs: number
  cluster: Pick<Cluster, 'get'>
  pods: Pick<Cache<Pod>, 'get'>
  table: PodTable
  labels: PodLabels
  removal: PodRemoval
  resize: PodResize
  inspector: PodInspector
  leadership: Leadership
}

/** Claimed by label but never up: whoever claimed it is gone, and so is the pod. */
const TAKEN_PATIENCE_MS = 60_000
/** One made for its function may have to pull a large image, or wait for a node to be added. */
const OWN_PATIENCE_MS = 600_000
/** Who has made pods with other keys for longer than this is not the newer replica of a rollout, or would lead by now. */
const OTHER_KEYS_MS = 60_000
/** The answer to create may come this long before the watch shows the pod; by then it is gone, or the watch is silent. */
const WATCH_LAG_MS = 30_000

export class PodResync {
  readonly #options: PodResyncOptions
  #cancel: () => void = () => undefined

  constructor(options: PodResyncOptions) {
    this.#options = options
  }

  start(): void {
    const { clock, everyMs, table } = this.#options
    this.#cancel = clock.after(everyMs, () => {
      for (const record of [...table.all()]) void this.#check(record, clock.now() - record.createdAtMs)
      this.start()
    })
  }

  stop(): void {
    this.#cancel()
  }

  async #check(record: PodRecord, ageMs: number): Promise<void> {
    const { table, removal, inspector, leadership } = this.#options
    if (!this.#isSeen(record) && ageMs > WATCH_LAG_MS && (await this.#isGone(record))) {
      removal.giveUp(record, { reason: 'deleted', message: 'it was deleted' })
      return table.remove(record)
    }
    this.#repair(record)
    const { stage } = record
    if (leadership.leads && record.otherKeys === 'beside' && ageMs > OTHER_KEYS_MS) removal.finish(record)
    if (leadership.leads && isStray(record, ageMs))
      return removal.giveUp(record, { reason: 'silent', message: 'it was claimed but never came up' })
    if (stage !== 'starting' && stage !== 'leaving') void inspector.inspect(record)
  }

  #isSeen(record: PodRecord): boolean {
    return this.#options.pods.get(refOf(record))?.metadata.uid === record.uid
  }

  /** Pods that a silent watch does not show serve. */
  async #isGone(record: PodRecord): Promise<boolean> {
    try {
      return !(await isStillThere(this.#options.cluster, PODS, record)) && !this.#isSeen(record)
    } catch {
      // Asked again the next time.
      return false
    }
  }

  /** What was to be written about it and was not. */
  #repair(record: PodRecord): void {
    const { labels, resize, leadership } = this.#options
    if (isMislabelled(record) && (leadership.leads || record.claim?.timeoutMs !== undefined)) labels.claimed(record)
    if (leadership.leads) resize.mend(record)
  }
}

const isMislabelled = ({ stage, label }: PodRecord) => stage === 'ready' && label === 'generic'
const isStray = ({ stage, contact, own }: PodRecord, ageMs: number) =>
  stage === 'taken' && contact === undefined && ageMs > (own === undefined ? TAKEN_PATIENCE_MS : OWN_PATIENCE_MS)
