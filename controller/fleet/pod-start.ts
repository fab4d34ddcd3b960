/** One start of a function's pod: take a generic pod, make it the function's, go on with another when that one is taken or dies. */
import { objectKey, type ObjectKey } from '../../api/names.ts'
import type { Specialize } from '../../api/protocol.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Keys } from '../keys/keys.ts'
import { CodeLoadError, PodStartError, type RevisionTemplate, type Startup } from './fleet.ts'
import { observeStartup, type FleetMetrics } from './fleet-metrics.ts'
import type { PodInspector } from './pod-inspection.ts'
import type { PodLabels } from './pod-labels.ts'
import type { PodResize } from './pod-resize.ts'
import type { PodRecord } from './pod-record.ts'
import type { PodRemoval } from './pod-removal.ts'
import type { PodTable } from './pod-table.ts'
import { pause } from '../../lib/pause.ts'
import type { RuntimeClient, SpecializeOutcome } from './runtime-client.ts'
import type { SuppliedPod, WantedClaim } from './waiting-starts.ts'

export interface PodStarterOptions {
  /** A pod claimed for the caller, that is up. Claims one that waits before it first waits itself. */
  take: (template: RevisionTemplate, claim: WantedClaim) => Promise<SuppliedPod>
  table: PodTable
  client: RuntimeClient
  removal: PodRemoval
  inspector: PodInspector
  labels: PodLabels
  resize: PodResize
  metrics: FleetMetrics
  keys: Keys
  clock: Clock
  initTimeoutMs: number
  platformUrl?: string | undefined
}

/** A pod that dies while it is made ready is replaced once. */
const MOST_DEATHS = 1
/** Pods that were someone else's or had died before they were reached; more means that something else is wrong. */
const MOST_RACES = 20
/** A signed specialization cannot be replayed for longer. */
const SIGNATURE_LIFETIME_MS = 60_000
/** The connection ends before the API says why: the error is better with the exit code in it. */
const END_REASON_WAIT_MS = 300

interface BecameReady {
  acknowledges: boolean
  startup: Startup
  template: RevisionTemplate
}

/** One start() and the pod it has now; none while it waits for one. */
interface Attempt {
  readonly key: ObjectKey
  readonly revision: string
  record?: PodRecord
}

/** What pods() shows as the function's, waiting or ready, is no longer this start's business to count. */
function isLost({ record }: Attempt): boolean {
  return record !== undefined && record.stage !== 'starting' && record.stage !== 'ready'
}

export class PodStarter {
  readonly #options: PodStarterOptions
  readonly #attempts = new Set<Attempt>()
  #running = 0
  #lastActivityMs = -Infinity

  constructor(options: PodStarterOptions) {
    this.#options = options
  }

  /** Starts that hold a pod which is not ready yet. */
  get running(): number {
    return this.#running
  }

  /** Epoch ms when the last start ended. */
  get lastActivityMs(): number {
    return this.#lastActivityMs
  }

  /** Starts whose pod has been lost and that have not asked for another yet, or are about to fail. */
  betweenPods(key: ObjectKey, revision: string): number {
    let count = 0
    for (const attempt of this.#attempts)
      if (attempt.key === key && attempt.revision === revision && isLost(attempt)) count += 1
    return count
  }

  /** Throws CodeLoadError, PodStartError. Claims a waiting pod before it first waits itself. */
  async start(template: RevisionTemplate): Promise<{ record: PodRecord; startup: Startup }> {
    const { function: ref, revision, timeoutMs } = template
    const claim = { function: ref, revision, timeoutMs }
    const attempt: Attempt = { key: objectKey(ref.namespace, ref.name), revision }
    this.#attempts.add(attempt)
    try {
      return await this.#start(template, claim, attempt)
    } finally {
      this.#attempts.delete(attempt)
    }
  }

  async #start(
    template: RevisionTemplate,
    claim: WantedClaim,
    attempt: Attempt,
  ): Promise<{ record: PodRecord; startup: Startup }> {
    const startedAt = performance.now()
    for (let deaths = 0, races = 0; ;) {
      delete attempt.record
      const { record, source } = await this.#options.take(template, claim)
      attempt.record = record
      const takenAt = performance.now()
      const podMs = source === 'pool' && deaths === 0 ? 0 : takenAt - startedAt
      const outcome = await this.#specialize(record, template)
      if (outcome.kind === 'ready') {
        const startup = { source, podMs, specializeMs: performance.now() - takenAt, initMs: outcome.initMs }
        if (this.#ready(record, { acknowledges: outcome.acknowledges, startup, template })) return { record, startup }
      }
      this.#options.metrics.specializeFailures.inc({ reason: outcome.kind === 'ready' ? 'lost' : outcome.kind })
      const isFree =
        record.retired !== true && (outcome.kind === 'taken' || (outcome.kind === 'lost' && !outcome.reached))
      if (isFree && (races += 1) <= MOST_RACES) this.#passOver(record, outcome)
      else await this.#failed(record, outcome, (deaths += 1))
    }
  }

  /** A pod that came up when nobody waited for it any more. */
  async late(record: PodRecord, template: RevisionTemplate): Promise<void> {
    const takenAt = performance.now()
    const outcome = await this.#specialize(record, template)
    const initMs = outcome.kind === 'ready' ? outcome.initMs : 0
    const startup: Startup = { source: 'new', podMs: 0, specializeMs: performance.now() - takenAt, initMs }
    if (outcome.kind === 'ready' && this.#ready(record, { acknowledges: outcome.acknowledges, startup, template }))
      return
    this.#options.removal.discard(record, 'message' in outcome ? outcome.message : `it was ${outcome.kind}`)
  }

  async #specialize(record: PodRecord, template: RevisionTemplate): Promise<SpecializeOutcome> {
    const { client, clock, initTimeoutMs } = this.#options
    if (record.contact === undefined) return { kind: 'lost', reached: false, message: 'its address is not known' }
    // It listens, and that is all it will ever say.
    if (record.own === 'image') return { kind: 'ready', initMs: 0, acknowledges: false }
    this.#running += 1
    try {
      const limits = { timeoutMs: initTimeoutMs, signal: record.gone.signal }
      return await client.specialize(record.contact, this.#body(record, template), limits)
    } finally {
      this.#running -= 1
      this.#lastActivityMs = clock.now()
    }
  }

  #body(record: PodRecord, template: RevisionTemplate): Specialize {
    // Wall time, not the clock of decisions: the pod compares it with its own.
    const expiresAt = Date.now() + SIGNATURE_LIFETIME_MS
    const { function: ref, revision, handler, signature, files, timeoutMs, concurrency, memoryMb } = template
    const { platformUrl } = this.#options
    // Not part of the revision: where the platform listens is no reason to roll out anew.
    const env = platformUrl === undefined ? template.env : { ...template.env, DORMOUSE_URL: platformUrl }
    const code = { function: ref, revision, handler, signature, files, env, timeoutMs, concurrency, memoryMb }
    return { ...code, podUid: record.uid, expiresAt, dataKey: this.#options.keys.dataKey(record.uid) }
  }

  /** False when the pod was retired or ended in the moment it became ready. */
  #ready(record: PodRecord, { acknowledges, startup, template }: BecameReady): boolean {
    const { table, labels, resize, metrics, clock } = this.#options
    if (record.stage !== 'starting' || record.claim === undefined) return false
    const claim = { ...record.claim, acknowledges, readyAtMs: clock.now(), startup }
    table.change(record, { stage: 'ready', claim })
    observeStartup(metrics, startup)
    labels.claimed(record)
    // Off the critical path: whoever waits for this pod gets it before the API hears of it.
    setImmediate(() => resize.fit(record, template.resources))
    return true
  }

  /** Taken: its labels will come from whoever has it; until then only its own answer tells. Else it was dead when it was chosen. */
  #passOver(record: PodRecord, outcome: SpecializeOutcome): void {
    const { table, clock, removal, inspector } = this.#options
    if (record.stage !== 'starting') return
    if (outcome.kind !== 'taken') return removal.discard(record, 'it could not be reached')
    const { function: key, revision } = outcome
    const [namespace = '', name = ''] = key?.split('/') ?? []
    if (name === '' || revision === undefined) return table.change(record, { stage: 'taken', claim: null })
    const claim = {
      function: { namespace, name, uid: '' },
      revision,
      claimedAtMs: clock.now(),
      acknowledges: false,
      isGuessed: true,
    }
    table.change(record, { stage: 'taken', claim })
    // Who claimed it may have died before it wrote the labels; it may even be a pod of this very function.
    void inspector.inspect(record)
  }

  async #failed(record: PodRecord, outcome: SpecializeOutcome, deaths: number): Promise<void> {
    const { removal } = this.#options
    if (outcome.kind === 'load-failed') {
      // Whoever started it learns why before anyone sees that a pod is missing, and does not start another.
      setImmediate(() => removal.discard(record, 'its code did not load'))
      throw new CodeLoadError(outcome.error)
    }
    const wasRetired = record.stage === 'leaving' && record.retired === true
    const message = 'message' in outcome ? outcome.message : 'it was given up as it became ready'
    if (deaths <= MOST_DEATHS && !wasRetired) return removal.discard(record, message)
    const why = await this.#endReason(record, message)
    removal.discard(record, why)
    throw new PodStartError(wasRetired ? 'stopped' : 'start-failed', startMessage(record, wasRetired, why))
  }

  async #endReason(record: PodRecord, message: string): Promise<string> {
    const { signal } = record.gone
    await pause(this.#options.clock, END_REASON_WAIT_MS, signal)
    return typeof signal.reason === 'string' ? signal.reason : message
  }
}

function startMessage(record: PodRecord, wasRetired: boolean, why: string): string {
  const key = record.claim && objectKey(record.claim.function.namespace, record.claim.function.name)
  if (wasRetired) return `the pod started for ${key ?? 'the function'} was no longer wanted: ${why}`
  return `two pods in a row could not be made ready for ${key ?? 'the function'}; the last: ${why}`
}
