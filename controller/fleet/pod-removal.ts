/**
 * How pods go: retired (out of the feed, data planes informed, then deleted with the time to finish), or given up (deleted at once
 * because they ended, broke or cannot be trusted). Whatever the way, a pod is out of the feed before anything else happens. All replicas see the
 * same ends; the leader deletes, and each what it has in its own hands.
 */
import type { Cache, Cluster } from '../../kube/cluster.ts'
import { isConflict, isNotFound } from '../../kube/errors.ts'
import { PODS, type Pod } from '../../kube/objects.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Leadership } from '../leadership.ts'
import type { FleetMetrics } from './fleet-metrics.ts'
import type { FunctionEvents } from './function-events.ts'
import type { PodLabels } from './pod-labels.ts'
import { functionKeyOf, refOf, type PodRecord } from './pod-record.ts'
import type { PodEndReason } from './pod-status.ts'
import type { PodTable } from './pod-table.ts'
import { graceSeconds } from './resources.ts'
import { retry } from './retry.ts'

/** Why a pod is given up; message is a clause: "its process exited with code 1". */
export interface GiveUp {
  reason: PodEndReason | 'expelled' | 'silent' | 'unknown-function' | 'start-failed'
  message: string
}

export interface PodRemovalOptions {
  cluster: Cluster
  clock: Clock
  logger: Logger
  signal: AbortSignal
  table: PodTable
  pods: Pick<Cache<Pod>, 'get'>
  leadership: Leadership
  labels: PodLabels
  events: FunctionEvents
  metrics: FleetMetrics
  /** Resolves when no data plane will send the pod anything new. */
  drained: (podUid: string) => Promise<void>
  /** Its grace when the record does not know the function's timeout. */
  timeoutMsOf: (record: PodRecord) => number | undefined
  bootFailed: (record: PodRecord, why: GiveUp) => void
}

export class PodRemoval {
  readonly #options: PodRemovalOptions

  constructor(options: PodRemovalOptions) {
    this.#options = options
  }

  retire(record: PodRecord, reason: string): void {
    if (record.stage === 'leaving') return
    const { logger, table, labels, leadership } = this.#options
    // Nobody else knows of a pod that is being made ready here; of one with newer keys than ours its maker knows more.
    const isOurs = (leadership.leads && record.otherKeys !== 'beside') || record.stage === 'starting'
    if (isOurs) logger.info('pod retired', { pod: record.name, function: functionKeyOf(record), reason })
    record.retired = true
    table.change(record, { stage: 'leaving' })
    record.gone.abort(`it was retired: ${reason}`)
    if (!isOurs) return
    labels.leaving(record)
    void this.#drainAndDelete(record)
  }

  /** A pod of the pool that is not needed. It runs nothing: no drain, no event. */
  discard(record: PodRecord, reason: string): void {
    if (record.stage === 'leaving') return
    this.#options.logger.info('pod discarded', { pod: record.name, reason })
    this.#options.table.change(record, { stage: 'leaving' })
    record.gone.abort(reason)
    this.#delete(record, 1)
  }

  /** It ended, or must not go on. Says so on its Function. */
  giveUp(record: PodRecord, why: GiveUp): void {
    if (record.stage === 'leaving') return
    const { table, leadership } = this.#options
    const wasBooting = record.stage === 'booting' && record.claim === undefined
    // Only who was told another address than the kubelet's knows that it was.
    const isOurs = leadership.leads || why.reason === 'expelled'
    if (isOurs) this.#tell(record, why)
    record.gone.abort(why.message)
    table.change(record, { stage: 'leaving' })
    if (isOurs) this.#delete(record, why.reason === 'deleted' ? undefined : 1)
    if (wasBooting) this.#options.bootFailed(record, why)
  }

  /** From now on this replica leads: what others left lying about goes. */
  resume(): void {
    for (const record of [...this.#options.table.all()]) this.finish(record)
  }

  /** One that is on its way out, and may still be there. */
  finish(record: PodRecord): void {
    const { pods, labels } = this.#options
    const pod = pods.get(refOf(record))
    const isDeleted = pod?.metadata.uid !== record.uid || pod.metadata.deletionTimestamp !== undefined
    if (record.stage !== 'leaving' || isDeleted) return
    if (record.retired !== true) return this.#delete(record, 1)
    if (record.label !== 'leaving') labels.leaving(record)
    void this.#drainAndDelete(record)
  }

  #tell(record: PodRecord, why: GiveUp): void {
    const { logger, metrics } = this.#options
    const { reason, message } = why
    const level = reason === 'deleted' ? 'info' : 'warn'
    logger[level]('pod given up', { pod: record.name, function: functionKeyOf(record), reason, why: message })
    metrics.podsEnded.inc({ reason: why.reason })
    this.#recordEvent(record, why)
  }

  #recordEvent(record: PodRecord, { reason, message }: GiveUp): void {
    const key = functionKeyOf(record)
    if (key === undefined || record.claim === undefined) return
    const text = `pod ${record.name} of revision ${record.claim.revision} is replaced: ${message}`
    this.#options.events.record(key, {
      type: reason === 'deleted' ? 'Normal' : 'Warning',
      reason: 'PodEnded',
      message: text,
    })
  }

  async #drainAndDelete(record: PodRecord): Promise<void> {
    await this.#options.drained(record.uid)
    this.#delete(record, graceSeconds(record.claim?.timeoutMs ?? this.#options.timeoutMsOf(record)))
  }

  /** `seconds` undefined: someone else deleted it already, with the grace they chose. */
  #delete(record: PodRecord, seconds: number | undefined): void {
    if (seconds === undefined) return
    const { cluster, clock, signal, logger, table } = this.#options
    const options = { gracePeriodSeconds: seconds, uid: record.uid }
    const failed = (error: unknown) => {
      if (isNotFound(error)) table.remove(record)
      if (isNotFound(error) || isConflict(error)) return false
      logger.warn('a pod could not be deleted yet', { pod: record.name, error })
      return true
    }
    void retry(() => cluster.delete(PODS, refOf(record), options), { clock, signal, failed })
  }
}
