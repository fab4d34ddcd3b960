/**
 * Wake-ups: a data plane has requests and no slot. Starts what is missing for the true length of all queues and answers with the first pod
 * that is ready; several who ask for one function wait for the same pods. Leaves the life of pods to fleet/, sleeping to autoscaler/.
 */
import { objectKey, type ObjectKey } from '../../api/names.ts'
import type { ActivationAnswer, ActivationRequest } from '../../api/protocol.ts'
import { pause } from '../../lib/pause.ts'
import type { Counter } from '../../lib/metrics.ts'
import { CodeLoadError, PodStartError, type FleetPod, type RevisionTemplate } from '../fleet/fleet.ts'
import type { Serving } from '../functions/serving.ts'
import type { ActivationsOptions } from './activations-options.ts'
import { endpointAnswer } from './answers.ts'
import { ChangeSignal } from './change-signal.ts'
import { DemandBook, type ReportedQueue } from './demand.ts'
import { failedAnswer, FailureBook } from './failures.ts'
import { podsToStart } from './plan.ts'

export interface Activations {
  start(): void
  /** Whoever still waits is told to ask another replica. */
  stop(): void
  /** Never rejects for the function's sake. Resolves early when `signal` aborts: nobody waits for the answer then. Undefined: stopped. */
  activate(request: ActivationRequest, signal: AbortSignal): Promise<ActivationAnswer | undefined>
  /** Resolves when nobody waits for an answer, or after `limitMs`. */
  drained(limitMs: number): Promise<void>
}

/** A data plane that follows another controller's feed knows of pods after this long. */
const FEED_LAG_MS = 1_000
const LONGEST_WAIT_MS = 15 * 60_000

export function createActivations(options: ActivationsOptions): Activations {
  return new LiveActivations(options)
}

/** One request on its way: when it came and for which revision pods were started for it. */
interface Ask {
  request: ActivationRequest
  arrivedAtMs: number
  plannedFor?: string
}

class LiveActivations implements Activations {
  readonly #options: ActivationsOptions
  readonly #changes = new ChangeSignal()
  readonly #demand = new DemandBook()
  readonly #failures = new FailureBook()
  /** Starts of ours that have not ended, per function: a failure may be on its way when no pod shows it. */
  readonly #unsettled = new Map<ObjectKey, number>()
  readonly #outcomes: Counter<'outcome'>
  #asking = 0
  #nobodyAsks: () => void = () => undefined
  #unsubscribes: (() => void)[] = []
  readonly #stopped = new AbortController()

  constructor(options: ActivationsOptions) {
    this.#options = options
    this.#outcomes = options.metrics.counter({
      name: 'dormouse_controller_activations_total',
      help: 'Wake-ups by what was answered: endpoint, at-capacity, or the code of the failure.',
      labels: ['outcome'],
    })
  }

  start(): void {
    const { serving, fleet } = this.#options
    const servingChanged = (key: ObjectKey) => {
      if (serving.get(key) === undefined) this.#forget(key)
      this.#changes.changed(key)
    }
    this.#unsubscribes = [
      serving.onChange(servingChanged),
      fleet.onChange((key) => this.#changes.changed(key)),
      // Of others, too: whoever relied on one, such as a first load of the code, would wait for nothing.
      fleet.onStartFailed((template, error) => this.#noteFailure(template, error)),
    ]
  }

  stop(): void {
    this.#unsubscribes.forEach((unsubscribe) => unsubscribe())
    this.#stopped.abort()
  }

  async drained(limitMs: number): Promise<void> {
    const idle = new AbortController()
    this.#nobodyAsks = () => idle.abort()
    if (this.#asking > 0) await pause(this.#options.clock, limitMs, idle.signal)
  }

  async activate(request: ActivationRequest, signal: AbortSignal): Promise<ActivationAnswer | undefined> {
    this.#asking += 1
    try {
      const answer = await this.#answer(request, signal)
      if (answer) this.#outcomes.inc({ outcome: answer.outcome === 'failed' ? answer.code : answer.outcome })
      return answer
    } finally {
      this.#asking -= 1
      if (this.#asking === 0) this.#nobodyAsks()
    }
  }

  async #answer(request: ActivationRequest, signal: AbortSignal): Promise<ActivationAnswer | undefined> {
    const { clock } = this.#options
    const late = new AbortController()
    const cancel = clock.after(Math.min(request.waitMs, LONGEST_WAIT_MS), () => late.abort())
    const ended = AbortSignal.any([signal, late.signal, this.#stopped.signal])
    const ask: Ask = { request, arrivedAtMs: clock.now() }
    let answer = this.#step(ask)
    while (answer === undefined && !ended.aborted) {
      await this.#changes.next(request.function, ended)
      answer = this.#step(ask)
    }
    cancel()
    if (answer === undefined && this.#stopped.signal.aborted) return undefined
    // Out of time while pods start: they will come through the feed.
    return answer ?? { outcome: 'at-capacity' }
  }

  /** The answer as far as it can be known now; undefined = wait for a change. */
  #step(ask: Ask): ActivationAnswer | undefined {
    const key = ask.request.function
    const serving = this.#options.serving.get(key)
    if (serving === undefined)
      return { outcome: 'failed', code: 'unknown-function', message: `there is no function ${key}` }
    const { template, broken } = serving
    if (template === undefined) return broken && { outcome: 'failed', ...broken }
    const nowMs = this.#options.clock.now()
    const failure = this.#failures.current(key, template.revision, nowMs)
    if (failure === undefined && ask.plannedFor !== template.revision) this.#startMissing(ask, serving, template)
    const ready = this.#unseenPod(ask, template.revision)
    if (ready !== undefined) return endpointAnswer(ready, ask.arrivedAtMs)
    if (failure?.final === true) return failedAnswer(failure, nowMs)
    if (this.#unsettled.has(key) || this.#starting(key, template.revision) > 0) return undefined
    const failed = this.#failures.current(key, template.revision, nowMs)
    return failed ? failedAnswer(failed, nowMs) : { outcome: 'at-capacity' }
  }

  #startMissing(ask: Ask, serving: Serving, template: RevisionTemplate): void {
    const { fleet, onWish, clock } = this.#options
    const { key, scaling, concurrency } = serving
    const isOfRevision = ({ phase, revision }: FleetPod) => phase !== 'leaving' && revision === template.revision
    const ofRevision = fleet.pods(key).filter(isOfRevision)
    const existing = ofRevision.length + fleet.pendingStarts(key, template.revision)
    const count = podsToStart({
      demands: this.#demand.note(ask.request, clock.now()).map((queue) => ({
        queued: queue.queued,
        readySince: ofRevision.filter((pod) => this.#isUnseen(pod, queue)).length,
      })),
      concurrency,
      maxPods: scaling.max,
      existing,
      starting: this.#starting(key, template.revision),
    })
    ask.plannedFor = template.revision
    if (count === 0) {
      // The one that loads new code for the first time would go when it has; now somebody waits for it.
      if (existing > 0) onWish(key, 1)
      return
    }
    onWish(key, existing + count)
    for (let started = 0; started < count; started += 1) void this.#startOne(key, template)
    if (existing === 0) this.#recordWake(key, { queued: ask.request.queued, count })
  }

  async #startOne(key: ObjectKey, template: RevisionTemplate): Promise<void> {
    const { fleet, clock, logger, onLoadFailure } = this.#options
    this.#unsettled.set(key, (this.#unsettled.get(key) ?? 0) + 1)
    try {
      const { pod, ...startup } = await fleet.start(template)
      this.#failures.forget(key)
      logger.debug('pod woken', { function: key, pod: pod.name, ...startup })
    } catch (error) {
      if (this.#stopped.signal.aborted) return
      const failure = this.#failures.failed(key, { template, error, nowMs: clock.now() })
      if (error instanceof CodeLoadError) onLoadFailure?.(key, template.revision, error)
      if (PodStartError.isExpected(error)) return
      logger.warn('a function could not be woken', { function: key, revision: template.revision, error })
      this.#options.events.record(key, { type: 'Warning', reason: 'CannotWake', message: failure.message })
    } finally {
      this.#settle(key)
    }
  }

  #noteFailure(template: RevisionTemplate, error: unknown): void {
    const { serving, clock } = this.#options
    const key = objectKey(template.function.namespace, template.function.name)
    if (serving.get(key)?.template?.revision !== template.revision) return
    this.#failures.failed(key, { template, error, nowMs: clock.now() })
    this.#changes.changed(key)
  }

  #settle(key: ObjectKey): void {
    const left = (this.#unsettled.get(key) ?? 1) - 1
    if (left > 0) this.#unsettled.set(key, left)
    else this.#unsettled.delete(key)
    this.#changes.changed(key)
  }

  #starting(key: ObjectKey, wanted: string): number {
    const { fleet } = this.#options
    const isComing = ({ phase, revision, stuck }: FleetPod) =>
      phase === 'starting' && revision === wanted && stuck === undefined
    const starting = fleet.pods(key).filter(isComing)
    return starting.length + fleet.pendingStarts(key, wanted)
  }

  /** A ready pod the asker cannot know yet: the newest, because older ones have been told to others. */
  #unseenPod({ request, arrivedAtMs }: Ask, wanted: string): FleetPod | undefined {
    const asker = { ...request, atMs: arrivedAtMs }
    return this.#options.fleet
      .pods(request.function)
      .filter((pod) => pod.revision === wanted && pod.endpoint !== undefined && this.#isUnseen(pod, asker))
      .sort((a, b) => (b.readyAtMs ?? 0) - (a.readyAtMs ?? 0))[0]
  }

  #isUnseen(pod: FleetPod, asker: Pick<ReportedQueue, 'atMs' | 'epoch' | 'version' | 'staleMs'>): boolean {
    const { feed } = this.#options
    if (pod.phase !== 'ready') return false
    // The feed of another controller, or of one that has ended: then for as long as it has no other.
    if (asker.epoch !== feed.epoch) return (pod.readyAtMs ?? 0) > asker.atMs - FEED_LAG_MS - (asker.staleMs ?? 0)
    const addedAt = feed.addedAt(pod.uid)
    return asker.version === undefined || addedAt === undefined || addedAt > asker.version
  }

  #forget(key: ObjectKey): void {
    this.#failures.forget(key)
    this.#demand.forget(key)
  }

  #recordWake(key: ObjectKey, { queued, count }: { queued: number; count: number }): void {
    const message = `started ${count} pod${count === 1 ? '' : 's'} for ${queued} waiting request${queued === 1 ? '' : 's'}`
    const { clock, events, afterWakeMs } = this.#options
    clock.after(afterWakeMs, () => events.record(key, { type: 'Normal', reason: 'Woken', message }))
  }
}
