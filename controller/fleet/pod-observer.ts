/** Brings what the API shows of our pods into the table. The API is the fallback for births and the truth for deaths. */
import { ANNOTATION, LABEL } from '../../api/names.ts'
import { labelledPool } from '../../api/pool-name.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Pod } from '../../kube/objects.ts'
import type { Keys } from '../keys/keys.ts'
import type { OwnPodKind } from './own-pod-policy.ts'
import type { OwnPods } from './own-pods.ts'
import type { PodInspector } from './pod-inspection.ts'
import type { PodClaim, PodRecord } from './pod-record.ts'
import type { PodRemoval } from './pod-removal.ts'
import type { PodResize } from './pod-resize.ts'
import { claimedContact, labelledState, normalAddress, podEnd, publicKeyOf, reportedContact } from './pod-status.ts'
import type { PodTable } from './pod-table.ts'
import { podTrouble } from './pod-trouble.ts'

export interface PodObserverOptions {
  table: PodTable
  removal: PodRemoval
  inspector: PodInspector
  clock: Clock
  keys: Pick<Keys, 'publicKey'>
  /** A pod is in the table for the first time: it may have called home before. */
  added(record: PodRecord): void
  /** A pod is up and generic. */
  offer(record: PodRecord): void
  own: OwnPods
  resize: PodResize
  /** A pod of a pool has become a function's, by another controller. */
  takenElsewhere(): void
  /** A pod of a pool finds no room for now. */
  stuck(record: PodRecord, message: string): void
}

export class PodObserver {
  readonly #options: PodObserverOptions
  #isRebuilt = false

  constructor(options: PodObserverOptions) {
    this.#options = options
  }

  /** The answer to create. The watch may have been first, and then knows more: that no node has room for it, for example. */
  created(pod: Pod): void {
    if (this.#options.table.get(pod.metadata.uid) === undefined) this.seen(pod)
  }

  /** All pods that were there before this process. */
  found(pods: Pod[]): void {
    pods.forEach((pod) => this.seen(pod))
    this.#isRebuilt = true
  }

  /** Added or updated. */
  seen(pod: Pod): void {
    const wasKnown = this.#options.table.get(pod.metadata.uid) !== undefined
    const record = this.#recordOf(pod)
    if (record === undefined) return
    record.label = labelledState(pod)
    if (record.stage === 'leaving' || this.#hasGone(record, pod)) return
    this.#observeClaim(record, pod)
    this.#options.resize.seen(record, pod)
    if (this.#isInTrouble(record, pod)) return
    this.#observeContact(record, pod)
    // Where only its annotation says that it is there, and not the kubelet, whoever may annotate could point anywhere.
    const isBelievable = wasKnown && pod.status?.podIP !== undefined
    if (record.contact !== undefined) this.#use(record, this.#isReadyNow(record, pod) && isBelievable)
  }

  /** It has an address: what it is for now. */
  #use(record: PodRecord, isReadyNow: boolean): void {
    if (record.stage === 'booting' && record.isUp === true && record.madeHere === true && record.label === 'generic')
      this.#options.offer(record)
    else if (isReadyNow) this.#options.inspector.believe(record)
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
    const { uid, name, namespace, labels } = pod.metadata
    const known = this.#options.table.get(uid)
    const own = ownKindOf(pod)
    if (known !== undefined || namespace === undefined) return known
    if (labels?.[LABEL.runtime] === undefined && own === undefined) return undefined
    const record = this.#options.table.add({
      uid,
      name,
      namespace,
      ...labelledPool(labels),
      ...(own && { own }),
      ...this.#otherKeys(pod),
      template: labels?.[LABEL.template] ?? '',
      createdAtMs: this.#createdAtMs(pod),
      label: labelledState(pod),
    })
    // Ours first: by its labels alone it would be taken for another controller's. And both before it may be up.
    this.#options.own.added(record)
    if (own !== undefined) this.#observeClaim(record, pod)
    this.#options.added(record)
    return record
  }

  /** By our clock, to which it is compared: the API's may go otherwise. It alone knows of pods from before this process. */
  #createdAtMs({ metadata }: Pod): number {
    const nowMs = this.#options.clock.now()
    // The API counts whole seconds, rounded down.
    return this.#isRebuilt ? nowMs : Math.min(nowMs, Date.parse(metadata.creationTimestamp) + 999)
  }

  #otherKeys(pod: Pod): Pick<PodRecord, 'otherKeys'> {
    const publicKey = publicKeyOf(pod)
    if (publicKey === undefined || publicKey === this.#options.keys.publicKey) return {}
    return { otherKeys: this.#isRebuilt ? 'beside' : 'before' }
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

  /** The controller that claimed it has just said so; what it said long ago may not be so any more. */
  #isReadyNow(record: PodRecord, pod: Pod): boolean {
    if (record.isContactKnown === true || claimedContact(pod) === undefined) return false
    record.isContactKnown = true
    return record.stage === 'taken'
  }

  #observeContact(record: PodRecord, pod: Pod): void {
    const reported = reportedContact(pod)
    if (reported?.isReady === true) record.isUp = true
    // An image of the function's own is not asked who it is: for it the kubelet has to speak.
    const mayClaim = record.stage === 'taken' && record.contact === undefined && record.own !== 'image'
    const claimed = mayClaim ? claimedContact(pod) : undefined
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
    if (record.label === 'generic') return
    const { table, clock } = this.#options
    const known = record.claim
    if (known !== undefined && known.isGuessed !== true) return
    const claim = claimOf(pod, clock.now())
    if (claim === undefined) return
    if (known === undefined) {
      table.change(record, { stage: 'taken', claim })
      if (record.own === undefined) this.#options.takenElsewhere()
    }
    // It was asked before its labels were written.
    else if (known.revision === claim.revision && known.function.name === claim.function.name)
      table.change(record, { claim: { ...known, ...claim, isGuessed: false } })
    // Whatever it said of itself was wrong: it is asked again, and has to agree.
    else table.change(record, { stage: 'taken', claim })
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
