/** Asks pods who they are and acts on the answer: after a restart, for pods another controller made, and for labels that were lost. */
import { splitKey, type ObjectKey } from '../../api/names.ts'
import type { Clock } from '../../lib/clock.ts'
import { pause } from '../../lib/pause.ts'
import type { Keys } from '../keys/keys.ts'
import type { Leadership } from '../leadership.ts'
import type { RevisionTemplate } from './fleet.ts'
import type { FleetMetrics } from './fleet-metrics.ts'
import { probeImage } from './image-probe.ts'
import { judgeInspection, type InspectionInput, type InspectionVerdict } from './inspection-policy.ts'
import type { PodLabels } from './pod-labels.ts'
import { functionKeyOf, type PodClaim, type PodRecord } from './pod-record.ts'
import type { PodRemoval } from './pod-removal.ts'
import type { PodContact } from './pod-status.ts'
import type { PodTable } from './pod-table.ts'
import type { HealthOutcome, RuntimeClient } from './runtime-client.ts'

export interface PodInspectorOptions {
  table: PodTable
  client: RuntimeClient
  keys: Pick<Keys, 'isClaimProof'>
  labels: PodLabels
  removal: PodRemoval
  metrics: FleetMetrics
  clock: Clock
  signal: AbortSignal
  leadership: Leadership
  healthTimeoutMs: number
  /** The function's uid while it and this revision of it exist. */
  existing: (key: ObjectKey, revision: string) => { uid: string } | undefined
  /** What pods of this revision are made from, while it serves. */
  servingTemplate: (key: ObjectKey, revision: string) => RevisionTemplate | undefined
  /** Undefined when the function is not known. */
  timeoutMsOf: (key: ObjectKey) => number | undefined
  /** Makes an orphan the function's. */
  finish: (record: PodRecord, template: RevisionTemplate) => void
  /** A pod turned out to be generic. */
  offer: (record: PodRecord) => void
  /** A pod made for one function is up. False when this process does not wait for it. */
  ownUp: (record: PodRecord) => boolean
}

/** Questions in a row without answer: code that loads may hold the event loop for ten seconds. */
const COUNTED_ON = 4
const INSPECTED_STAGES = new Set<PodRecord['stage']>(['booting', 'idle', 'taken', 'ready'])

type Adoption = Extract<InspectionVerdict, { kind: 'adopt' }>

export class PodInspector {
  readonly #options: PodInspectorOptions
  readonly #running = new Map<string, Promise<void>>()

  constructor(options: PodInspectorOptions) {
    this.#options = options
  }

  /** One inspection per pod at a time; resolves when there is a verdict. Never rejects. */
  inspect(record: PodRecord): Promise<void> {
    const running = this.#running.get(record.uid)
    if (running) return running
    const inspection = this.#inspect(record).finally(() => this.#running.delete(record.uid))
    this.#running.set(record.uid, inspection)
    return inspection
  }

  /**
   * The controller that claimed it has just said so, which it does when the pod is ready: that is as good as the pod's own answer, and sooner. A
   * rollout takes the old pods away within milliseconds.
   */
  believe(record: PodRecord): void {
    const { claim } = record
    const key = functionKeyOf(record)
    if (claim === undefined || key === undefined || this.#options.existing(key, claim.revision) === undefined)
      return void this.inspect(record)
    const { revision, acknowledges } = claim
    this.#adopt(record, { kind: 'adopt', function: key, revision, acknowledges, repair: false })
  }

  /** Resolves when all that run now have their verdict. */
  async settled(): Promise<void> {
    await Promise.all(this.#running.values())
  }

  async #inspect(record: PodRecord): Promise<void> {
    const { clock, signal } = this.#options
    for (let attempts = 1; !signal.aborted; attempts += 1) {
      const { stage, contact } = record
      if (contact === undefined || !INSPECTED_STAGES.has(stage)) return
      const outcome = await this.#ask(record, contact)
      // It was claimed, retired or ended meanwhile: who did that knows more than this answer.
      if (signal.aborted || (record.stage !== stage && record.stage !== 'taken')) return
      // By another controller, and who saw that relies on this inspection: what it answered is of before.
      if (record.stage !== stage) continue
      this.#heard(record, outcome, attempts)
      if (outcome.kind === 'answered' && this.#options.ownUp(record)) return
      const verdict = this.#judge(record, outcome, attempts)
      if (verdict.kind !== 'ask-again') return this.#act(record, verdict)
      await pause(clock, verdict.afterMs, signal)
    }
  }

  /** Nobody waits for one that was up, is claimed, and does not say whose it is: until it does, another is woken beside it. */
  #heard(record: PodRecord, { kind }: HealthOutcome, attempts: number): void {
    if (kind === 'answered') {
      record.isUp = true
      delete record.stuck
    } else if (isSilentClaim(record) && attempts >= COUNTED_ON) {
      record.stuck = 'it does not answer'
      this.#options.table.change(record, {})
    }
  }

  #ask(record: PodRecord, contact: PodContact): Promise<HealthOutcome> {
    const { client, healthTimeoutMs } = this.#options
    if (record.own !== 'image') return client.health(contact, healthTimeoutMs)
    const labelled = { function: functionKeyOf(record), revision: record.claim?.revision }
    return probeImage({ host: contact.host, port: contact.dataPort }, labelled, healthTimeoutMs)
  }

  #judge(record: PodRecord, outcome: HealthOutcome, attempts: number): InspectionVerdict {
    const { claim, stage, label } = record
    const key = functionKeyOf(record)
    const { function: runs, revision: inRevision } = outcome.kind === 'answered' ? outcome.health : {}
    return judgeInspection({
      // Ready: this process knows that it is claimed, whether or not the label has arrived.
      label: stage === 'ready' || label !== 'generic' ? 'claimed' : 'generic',
      ...(claim && key !== undefined && { labelled: { function: key, revision: claim.revision } }),
      isNew: record.own !== undefined && stage === 'taken',
      canFinish: this.#options.leadership.leads && this.#templateOf(record) !== undefined,
      outcome,
      exists: runs != null && this.#isOfHere(record, runs as ObjectKey, inRevision ?? ''),
      isProven: this.#isProven(record, outcome),
      attempts,
      isUp: record.isUp === true,
      healthTimeoutMs: this.#options.healthTimeoutMs,
      ...this.#timeoutOf(record),
    })
  }

  #timeoutOf(record: PodRecord): Pick<InspectionInput, 'functionTimeoutMs'> {
    const key = functionKeyOf(record)
    // The labels of one that another controller claimed do not tell it.
    const functionTimeoutMs = record.claim?.timeoutMs ?? (key && this.#options.timeoutMsOf(key))
    return functionTimeoutMs === undefined ? {} : { functionTimeoutMs }
  }

  /** A pod runs functions of its own namespace, whatever its code makes it say. */
  #isOfHere({ namespace }: PodRecord, key: ObjectKey, revision: string): boolean {
    return splitKey(key).namespace === namespace && this.#options.existing(key, revision) !== undefined
  }

  /** One that was made with other keys cannot be, and is not published either. */
  #isProven({ uid, otherKeys }: PodRecord, outcome: HealthOutcome): boolean {
    if (otherKeys !== undefined) return true
    if (outcome.kind !== 'answered') return false
    const { function: key, revision, proof } = outcome.health
    if (key == null || revision == null || proof == null) return false
    return this.#options.keys.isClaimProof(proof, { podUid: uid, function: key as ObjectKey, revision })
  }

  #act(record: PodRecord, verdict: Exclude<InspectionVerdict, { kind: 'ask-again' }>): void {
    const { removal, offer, leadership } = this.#options
    // One that serves may be finishing what runs, or its revision may be on its way out: others see to that.
    if (record.stage === 'ready' && !isStuckOrRestarted(verdict)) return
    switch (verdict.kind) {
      case 'idle':
        return record.stage === 'idle' ? undefined : offer(record)
      case 'give-up':
        // Everyone can be wrong about a pod that does not answer; the leader decides for all.
        return leadership.leads ? removal.giveUp(record, verdict.why) : undefined
      case 'not-up':
        return
      case 'finish':
        return this.#finish(record)
      case 'adopt':
        return this.#adopt(record, verdict)
    }
  }

  #templateOf(record: PodRecord): RevisionTemplate | undefined {
    const key = functionKeyOf(record)
    return key === undefined || record.otherKeys !== undefined
      ? undefined
      : this.#options.servingTemplate(key, record.claim?.revision ?? '')
  }

  #finish(record: PodRecord): void {
    const template = this.#templateOf(record)
    if (template !== undefined) this.#options.finish(record, template)
  }

  #adopt(record: PodRecord, verdict: Adoption): void {
    if (record.stage === 'ready') return
    const { table, labels, removal, metrics, leadership } = this.#options
    // What runs there is let finish; who calls it with our data key is refused.
    if (record.otherKeys !== undefined) return removal.retire(record, 'it was made with other keys')
    table.change(record, { stage: 'ready', claim: this.#claimOf(record, verdict) })
    if (!verdict.repair || !leadership.leads) return
    metrics.labelRepairs.inc()
    labels.claimed(record)
  }

  #claimOf(record: PodRecord, verdict: Adoption): PodClaim {
    const { function: key, revision, acknowledges } = verdict
    const nowMs = this.#options.clock.now()
    const known = record.claim?.revision === revision ? record.claim : undefined
    const guess = { revision, claimedAtMs: nowMs, acknowledges, isGuessed: true }
    // Of one that another controller took only the pod's word is known, which does not tell whose the Function is.
    const uid = known?.function.uid || (this.#options.existing(key, revision)?.uid ?? '')
    return {
      ...(known ?? guess),
      function: { ...splitKey(key), uid },
      // What was guessed when it was found taken says nothing of it.
      acknowledges: acknowledges || known?.acknowledges === true,
      readyAtMs: nowMs,
    }
  }
}

const isSilentClaim = ({ stage, own, isUp, stuck }: PodRecord) =>
  stage === 'taken' && own === undefined && isUp === true && stuck === undefined

function isStuckOrRestarted(verdict: InspectionVerdict): boolean {
  return verdict.kind === 'give-up' && (verdict.why.reason === 'silent' || verdict.why.reason === 'restarted')
}
