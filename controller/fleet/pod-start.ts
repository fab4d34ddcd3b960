/** One start of a function's pod: take a generic pod, make it the function's, go on with another when that one is taken or dies. */
import { objectKey, type ObjectKey } from '../../api/names.ts'
import type { Specialize } from '../../api/protocol.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Keys } from '../keys/keys.ts'
import { CodeLoadError, type CodeSupply, type RevisionTemplate, type Startup } from './fleet.ts'
import { observeStartup, type FleetMetrics } from './fleet-metrics.ts'
import type { PodInspector } from './pod-inspection.ts'
import type { PodLabels } from './pod-labels.ts'
import type { PodResize } from './pod-resize.ts'
import { functionKeyOf, type PodRecord } from './pod-record.ts'
import type { PodRemoval } from './pod-removal.ts'
import type { PodTable } from './pod-table.ts'
import { startFailure } from './pod-trouble.ts'
import { pause } from '../../lib/pause.ts'
import type { RuntimeClient, SpecializeOutcome } from './runtime-client.ts'
import { isLost, isRace, type StartAttempt } from './start-attempt.ts'
import { specializeBody } from './specialize-body.ts'
import type { SuppliedPod, WantedClaim } from './waiting-starts.ts'
import { errorText } from '../../lib/error-text.ts'

export interface PodStarterOptions {
  /** A pod claimed for the caller, that is up. Claims one that waits before it first waits itself. */
  take: (template: RevisionTemplate, claim: WantedClaim) => Promise<SuppliedPod>
  table: PodTable
  client: RuntimeClient
  removal: PodRemoval
  inspector: PodInspector
  labels: PodLabels
  resize: PodResize
  code: CodeSupply
  metrics: FleetMetrics
  keys: Keys
  clock: Clock
  logger: Logger
  initTimeoutMs: number
  /** How long after a pod is ready it is resized. */
  afterWakeMs: number
  platformUrl?: string | undefined
}

/** A pod that dies while it is made ready is replaced once. */
const MOST_DEATHS = 1
/** Pods that were someone else's or had died before they were reached; more means that something else is wrong. */
const MOST_RACES = 20
/** The connection ends before the API says why: the error is better with the exit code in it. */
const END_REASON_WAIT_MS = 300

interface BecameReady {
  acknowledges: boolean
  startup: Startup
  template: RevisionTemplate
}

interface Failure {
  deaths: number
  code: Buffer | undefined
}

export class PodStarter {
  readonly #options: PodStarterOptions
  readonly #attempts = new Set<StartAttempt>()
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

  /** Starts that have no pod and have not asked for one yet, or are about to fail. */
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
    const attempt: StartAttempt = { key: objectKey(ref.namespace, ref.name), revision }
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
    attempt: StartAttempt,
  ): Promise<{ record: PodRecord; startup: Startup }> {
    const startedAt = performance.now()
    const code = template.code && (await this.#codeOf(template, attempt))
    attempt.isFetching = false
    for (let deaths = 0, races = 0; ;) {
      delete attempt.record
      const { record, source } = await this.#options.take(template, claim)
      attempt.record = record
      const takenAt = performance.now()
      const podMs = source === 'pool' && deaths === 0 ? 0 : takenAt - startedAt
      const outcome = await this.#specialize(record, template, code)
      if (outcome.kind === 'ready') {
        const startup = { source, podMs, specializeMs: performance.now() - takenAt, initMs: outcome.initMs }
        if (this.#ready(record, { acknowledges: outcome.acknowledges, startup, template })) return { record, startup }
      }
      this.#options.metrics.specializeFailures.inc({ reason: outcome.kind === 'ready' ? 'lost' : outcome.kind })
      if (isRace(record, outcome) && (races += 1) <= MOST_RACES) this.#passOver(record, outcome)
      else await this.#failed(record, outcome, { deaths: (deaths += 1), code })
    }
  }

  /** Before a pod is taken: while its code cannot be had, none is of use. */
  async #codeOf(template: RevisionTemplate, attempt: StartAttempt): Promise<Buffer> {
    attempt.isFetching = true
    return this.#options.code.fetch(template)
  }

  /** A pod made for its function by another controller, which has ended before it could say so. */
  async orphan(record: PodRecord, template: RevisionTemplate): Promise<void> {
    const { table, clock, logger } = this.#options
    const { function: ref, revision, timeoutMs } = template
    logger.info('a pod whose maker has ended is made ready', { pod: record.name, revision })
    const claim = { function: ref, revision, timeoutMs, claimedAtMs: clock.now(), acknowledges: false }
    table.change(record, { stage: 'starting', claim })
    await this.late(record, template)
  }

  /** A pod that came up when nobody waited for it any more. */
  async late(record: PodRecord, template: RevisionTemplate): Promise<void> {
    const takenAt = performance.now()
    const outcome = await this.#lateOutcome(record, template)
    const initMs = outcome.kind === 'ready' ? outcome.initMs : 0
    const startup: Startup = { source: 'new', podMs: 0, specializeMs: performance.now() - takenAt, initMs }
    if (outcome.kind === 'ready' && this.#ready(record, { acknowledges: outcome.acknowledges, startup, template }))
      return
    if (outcome.kind === 'taken') return this.#passOver(record, outcome)
    this.#options.removal.discard(record, 'message' in outcome ? outcome.message : `it was ${outcome.kind}`)
  }

  async #lateOutcome(record: PodRecord, template: RevisionTemplate): Promise<SpecializeOutcome> {
    try {
      const code = template.code === undefined ? undefined : await this.#options.code.fetch(template)
      return await this.#specialize(record, template, code)
    } catch (error) {
      return { kind: 'refused', message: errorText(error) }
    }
  }

  async #specialize(record: PodRecord, template: RevisionTemplate, code?: Buffer): Promise<SpecializeOutcome> {
    const { client, clock, initTimeoutMs } = this.#options
    if (record.contact === undefined) return { kind: 'lost', reached: false, message: 'its address is not known' }
    // It listens, and that is all it will ever say.
    if (record.own === 'image') return { kind: 'ready', initMs: 0, acknowledges: false }
    this.#running += 1
    try {
      const limits = { timeoutMs: initTimeoutMs, signal: record.gone.signal }
      return await client.specialize(record.contact, this.#body(record, template, code), limits)
    } finally {
      this.#running -= 1
      this.#lastActivityMs = clock.now()
    }
  }

  #body({ uid }: PodRecord, template: RevisionTemplate, packed: Buffer | undefined): Specialize {
    const { keys, platformUrl } = this.#options
    const { function: ref, revision } = template
    const key = objectKey(ref.namespace, ref.name)
    return specializeBody(template, {
      podUid: uid,
      dataKey: keys.dataKey(uid),
      proof: keys.claimProof({ podUid: uid, function: key, revision }),
      platformUrl,
      packed,
      wallMs: Date.now(),
    })
  }

  /** False when the pod was retired or ended in the moment it became ready. */
  #ready(record: PodRecord, { acknowledges, startup, template }: BecameReady): boolean {
    const { table, labels, resize, metrics, clock, afterWakeMs } = this.#options
    if (record.stage !== 'starting' || record.claim === undefined) return false
    const claim = { ...record.claim, acknowledges, readyAtMs: clock.now(), startup }
    table.change(record, { stage: 'ready', claim })
    observeStartup(metrics, startup)
    labels.claimed(record)
    clock.after(afterWakeMs, () => resize.fit(record, template.resources))
    return true
  }

  /** Taken: its labels will come from whoever has it; until then only its own answer tells. Else it was dead when it was chosen. */
  #passOver(record: PodRecord, outcome: SpecializeOutcome): void {
    const { table, clock, removal, inspector } = this.#options
    if (record.stage !== 'starting') return
    if (outcome.kind !== 'taken') return removal.discard(record, 'it could not be reached')
    const { function: key, revision } = outcome
    const [namespace = '', name = ''] = key?.split('/') ?? []
    if (name === '' || namespace !== record.namespace || revision === undefined)
      return table.change(record, { stage: 'taken', claim: null })
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

  async #failed(record: PodRecord, outcome: SpecializeOutcome, { deaths, code }: Failure): Promise<void> {
    const { removal } = this.#options
    if (outcome.kind === 'load-failed') {
      // Whoever started it learns why before anyone sees that a pod is missing, and does not start another.
      setImmediate(() => removal.discard(record, 'its code did not load'))
      throw new CodeLoadError(outcome.error, code && (await this.#options.code.fileNames(code)))
    }
    const wasRetired = record.stage === 'leaving' && record.retired === true
    const message = 'message' in outcome ? outcome.message : 'it was given up as it became ready'
    if (deaths <= MOST_DEATHS && !wasRetired) return removal.discard(record, message)
    const why = await this.#endReason(record, message)
    removal.discard(record, why)
    throw startFailure(functionKeyOf(record) ?? 'the function', { wasRetired, why })
  }

  async #endReason(record: PodRecord, message: string): Promise<string> {
    const { signal } = record.gone
    await pause(this.#options.clock, END_REASON_WAIT_MS, signal)
    return typeof signal.reason === 'string' ? signal.reason : message
  }
}
