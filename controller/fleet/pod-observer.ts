/** Brings what the API shows of our pods into the table. The API is the fallback for births and the truth for deaths. */
import { ANNOTATION, LABEL } from '../../api/names.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Pod } from '../../kube/objects.ts'
import type { OwnPodKind } from './own-pod-policy.ts'
import type { OwnPods } from './own-pods.ts'
import type { PodInspector } from './pod-inspection.ts'
import type { PodClaim, PodRecord } from './pod-record.ts'
import type { PodRemoval } from './pod-removal.ts'
import { claimedContact, labelledState, normalAddress, podEnd, reportedContact } from './pod-status.ts'
import type { PodTable } from './pod-table.ts'
import { podTrouble } from './pod-trouble.ts'

export interface PodObserverOptions {
  table: PodTable
  removal: PodRemoval
  inspector: PodInspector
  clock: Clock
  /** A pod is in the table for the first time: it may have called home before. */
  added(record: PodRecord): void
  /** A pod is up and generic. */
  offer(record: PodRecord): void
  own: OwnPods
  /** A pod of a pool finds no room for now. */
  stuck(record: PodRecord, message: string): void
}

export class PodObserver {
  readonly #options: PodObserverOptions

  constructor(options: PodObserverOptions) {
    this.#options = options
  }

  /** Added or updated, or the answer to create: each may come first, and any of them late. */
  seen(pod: Pod): void {
    const record = this.#recordOf(pod)
    if (record === undefined) return
    record.label = labelledState(pod)
    if (record.stage === 'leaving' || this.#hasGone(record, pod)) return
    this.#observeClaim(record, pod)
    if (this.#isInTrouble(record, pod)) return
    this.#observeContact(record, pod)
    if (record.contact === undefined) return
    if (record.stage === 'booting' && record.isUp === true && record.madeHere === true && record.label === 'generic')
      this.#options.offer(record)
    else if (record.stage === 'booting' || record.stage === 'taken') void this.#options.inspector.inspect(record)
  }

  deleted(pod: Pod): void {
    const { table, removal } = this.#options
    const record = table.get(pod.metadata.uid)
    if (record === undefined) return
    removal.giveUp(record, { reason: 'deleted', message: 'it was deleted' })
    table.remove(record)
  }

  #recordOf(pod: Pod): PodRecord | undefined {
    const { uid, name, namespace, labels, creationTimestamp } = pod.metadata
    const runtime = labels?.[LABEL.runtime]
    const known = this.#options.table.get(uid)
    const own = ownKindOf(pod)
    if (known !== undefined || namespace === undefined) return known
    if (runtime === undefined && own === undefined) return undefined
    const record = this.#options.table.add({
      uid,
      name,
      namespace,
      runtime: runtime ?? '',
      ...(own && { own }),
      template: labels?.[LABEL.template] ?? '',
      // The API counts whole seconds, rounded down.
      createdAtMs: Math.min(this.#options.clock.now(), Date.parse(creationTimestamp) + 999),
      label: labelledState(pod),
    })
    // One of its own has a claim before it may be up: who called home before is known by it.
    if (own !== undefined) this.#observeClaim(record, pod)
    this.#options.own.added(record)
    this.#options.added(record)
    return record
  }

  /** Only on its way up: what serves has had its trouble behind it. */
  #isInTrouble(record: PodRecord, pod: Pod): boolean {
    if (record.stage !== 'booting' && record.stage !== 'taken') return false
    const trouble = podTrouble(pod)
    if (trouble?.kind === 'cannot-run')
      this.#options.removal.giveUp(record, { reason: 'cannot-run', message: trouble.message })
    else if (trouble === undefined) delete record.stuck
    else if (record.own !== undefined) this.#options.own.stuck(record, trouble.message)
    else this.#options.stuck(record, trouble.message)
    return trouble !== undefined
  }

  #observeContact(record: PodRecord, pod: Pod): void {
    const reported = reportedContact(pod)
    if (reported?.isReady === true) record.isUp = true
    const claimed = record.stage === 'taken' && record.contact === undefined ? claimedContact(pod) : undefined
    if (claimed !== undefined) {
      // What another controller was told: the kubelet has to agree here, too.
      record.contact = claimed
      record.calledHome = true
      record.isUp = true
    } else if (reported !== undefined) record.contact ??= reported
  }

  #hasGone(record: PodRecord, pod: Pod): boolean {
    const { removal } = this.#options
    const end = podEnd(pod)
    const address = pod.status?.podIP
    if (end !== undefined) removal.giveUp(record, end)
    else if (pod.metadata.deletionTimestamp !== undefined)
      removal.giveUp(record, { reason: 'deleted', message: 'it was deleted' })
    else if (record.label === 'leaving') {
      this.#observeClaim(record, pod)
      removal.retire(record, 'its label says that it is leaving')
    } else if (record.calledHome && address !== undefined && isElsewhere(record, address))
      removal.giveUp(record, { reason: 'expelled', message: expelledMessage(record, address) })
    else return false
    return true
  }

  /** Labels say whose it is: by another controller, or by this one before it was started afresh. Its own answer confirms it. */
  #observeClaim(record: PodRecord, pod: Pod): void {
    if (record.label === 'generic' || record.claim !== undefined) return
    const claim = claimOf(pod, this.#options.clock.now())
    if (claim !== undefined) this.#options.table.change(record, { stage: 'taken', claim })
  }
}

function ownKindOf({ metadata }: Pod): OwnPodKind | undefined {
  const own = metadata.labels?.[LABEL.own]
  return own === 'runtime' || own === 'image' ? own : undefined
}

function claimOf({ metadata }: Pod, nowMs: number): PodClaim | undefined {
  const { labels = {}, annotations = {}, namespace = '', ownerReferences = [] } = metadata
  const name = labels[LABEL.function]
  const revision = labels[LABEL.revision]
  if (name === undefined || revision === undefined) return undefined
  const uid = ownerReferences.find(({ kind }) => kind === 'Function')?.uid ?? ''
  const claimedAtMs = Date.parse(annotations[ANNOTATION.claimedAt] ?? '')
  return {
    function: { namespace, name, uid },
    revision,
    claimedAtMs: Number.isNaN(claimedAtMs) ? nowMs : claimedAtMs,
    acknowledges: annotations[ANNOTATION.acknowledges] === 'true',
  }
}

function isElsewhere({ contact }: PodRecord, address: string): boolean {
  return contact !== undefined && normalAddress(contact.host) !== normalAddress(address)
}

function expelledMessage({ contact }: PodRecord, address: string): string {
  return `it called home from ${contact?.host ?? 'nowhere'}, but the kubelet reports its address as ${address}`
}
