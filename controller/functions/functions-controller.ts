/**
 * Makes each Function's pods and revisions what its spec and the autoscaler ask for. Owns revisions, rollouts, what serves (serving.ts) and
 * the Function's status; promises that an old revision serves until the new one loads and has its pods; leaves the life of
 * pods to fleet/, how many there should be to autoscaler/, and wake-ups to activation/. While it does not lead it only says what serves.
 */
import type { DormouseFunction, FunctionStatus } from '../../api/function.ts'
import { FUNCTIONS } from '../../api/kinds.ts'
import { keyOf, splitKey, type ObjectKey } from '../../api/names.ts'
import type { EventInput } from '../../kube/cluster.ts'
import { createControlLoop, done, requeueAfter, stale, terminal } from '../../kube/control-loop.ts'
import type { ControlLoop, Outcome } from '../../kube/control-loop.ts'
import type { Counter } from '../../lib/metrics.ts'
import type { ScaleChange } from '../autoscaler/autoscaler.ts'
import type { CodeLoadError, RevisionTemplate } from '../fleet/fleet.ts'
import { SOLE_LEADERSHIP, type Leadership } from '../leadership.ts'
import { AFTER_WAKE_MS } from '../after-wake.ts'
import { StatusWriter } from '../status-writer.ts'
import { apply, heldUntilMs } from './apply.ts'
import { runtimeIdentity } from './fate.ts'
import { FunctionMemory } from './function-memory.ts'
import type { FunctionsControllerOptions } from './functions-controller-options.ts'
import { Newcomers } from './newcomers.ts'
import { observe } from './observe.ts'
import type { FunctionObservation } from './observe.ts'
import { follow, plan } from './plan.ts'
import { isNotYetKnown } from './rollout.ts'
import { PodStarts } from './pod-starts.ts'
import { publishServing } from './serving.ts'
import { Verifier } from './verifier.ts'
import { watchChanges } from './watch-changes.ts'

const FUNCTIONS_AT_ONCE = 8

export interface FunctionsController {
  /** Settles when the caches have synced and work has begun. */
  start(): Promise<void>
  stop(): Promise<void>
  /** A wake-up found that the code of the serving revision does not load. What is not served any more is ignored. */
  reportLoadFailure(key: ObjectKey, revision: string, failure: CodeLoadError): void
  /** Records a decision of the autoscaler as an Event of the Function. */
  announceScale(key: ObjectKey, change: ScaleChange): void
}

export function createFunctionsController(options: FunctionsControllerOptions): FunctionsController {
  return new ReconcilingFunctions(options)
}

class ReconcilingFunctions implements FunctionsController {
  readonly #options: FunctionsControllerOptions
  readonly #loop: ControlLoop
  readonly #statuses: StatusWriter<FunctionStatus, DormouseFunction>
  readonly #starts: PodStarts
  readonly #verifier: Verifier
  readonly #rollouts: Counter<'outcome'>
  readonly #newcomers = new Newcomers()
  readonly #memories = new Map<ObjectKey, FunctionMemory>()
  readonly #leadership: Leadership
  #unsubscribes: (() => void)[] = []

  constructor(options: FunctionsControllerOptions) {
    const { fleet, clock, logger, metrics, config, loopMetrics, leadership = SOLE_LEADERSHIP } = options
    this.#options = options
    this.#leadership = leadership
    this.#statuses = new StatusWriter(options.cluster, FUNCTIONS)
    this.#rollouts = metrics.counter({
      name: 'dormouse_controller_rollouts_total',
      help: 'Revisions that took over from another, and revisions that were refused because their code does not load.',
      labels: ['outcome'],
    })
    this.#starts = new PodStarts({
      fleet,
      clock,
      logger,
      runtimeIdentity: (name) => this.#runtimeIdentity(name),
      changed: (key) => this.#loop.add(key),
      warn: (key, reason, message) => this.#tell(this.#find(key), { type: 'Warning', reason, message }),
    })
    this.#verifier = new Verifier({
      concurrency: config.verifyConcurrency ?? 2,
      clock,
      isCrowd: () => this.#newcomers.isCrowd(clock.now()),
      run: ({ memory, template }) => this.#starts.start(memory, template),
    })
    this.#loop = createControlLoop({
      name: 'functions',
      reconcile: (key) => this.#reconcile(key as ObjectKey),
      concurrency: FUNCTIONS_AT_ONCE,
      logger,
      clock,
      ...(loopMetrics && { metrics: loopMetrics }),
    })
  }

  async start(): Promise<void> {
    const { functions, revisions, runtimes } = this.#options
    await Promise.all([functions.synced, revisions.synced, runtimes.synced])
    const changed = (key: ObjectKey) => this.#loop.add(key)
    const lead = () => functions.list().forEach(({ metadata }) => changed(keyOf(metadata)))
    this.#unsubscribes = [watchChanges(this.#options, changed), this.#leadership.onLead(lead)]
    this.#loop.start()
  }

  async stop(): Promise<void> {
    this.#unsubscribes.forEach((unsubscribe) => unsubscribe())
    this.#verifier.stop()
    await this.#loop.stop()
  }

  reportLoadFailure(key: ObjectKey, revision: string, { error, files }: CodeLoadError): void {
    const template = this.#options.serving.get(key)?.template
    const memory = this.#memories.get(key)
    // Whoever leads loads new code itself and finds out.
    if (!this.#leadership.leads || !memory || template?.revision !== revision) return
    this.#starts.loadFailed(memory, template, { error, files })
    this.#loop.add(key)
  }

  announceScale(key: ObjectKey, { from, to, reason }: ScaleChange): void {
    const message = `Scaled from ${from} to ${to} pods (${reason})`
    this.#tell(this.#find(key), { type: 'Normal', reason: to > from ? 'ScaledUp' : 'ScaledDown', message })
  }

  async #reconcile(key: ObjectKey): Promise<Outcome> {
    const fn = this.#find(key)
    if (!fn) return this.#forget(key)
    const memory = this.#memoryOf(key, fn)
    const seen = this.#observe(fn, memory)
    if (seen instanceof RangeError) return terminal(seen)
    if (!this.#leadership.leads || isNotYetKnown(seen)) {
      publishServing(this.#options.serving, follow(seen))
      return done
    }
    const planned = plan(seen)
    const applied = await apply({ seen, plan: planned, memory }, this.#targets())
    if (applied === 'conflict') return stale
    const againAtMs = Math.min(planned.lookAgainAtMs ?? Infinity, heldUntilMs(applied))
    return againAtMs === Infinity ? done : requeueAfter(Math.max(1, againAtMs - this.#options.clock.now()))
  }

  /** RangeError: values that its schema would have refused; trying again is useless until it changes. */
  #observe(fn: DormouseFunction, memory: FunctionMemory): FunctionObservation | RangeError {
    const { verifyFirstRevision } = this.#options.config
    const { leads } = this.#leadership
    const { clock, wall = clock } = this.#options
    const [nowMs, wallMs] = [clock.now(), wall.now()]
    const now = { verifyFirstRevision, leads, isCrowd: this.#newcomers.isCrowd(nowMs), nowMs, wallMs }
    try {
      return observe(fn, memory, { ...this.#options, ...now })
    } catch (error) {
      if (error instanceof RangeError) return error
      throw error
    }
  }

  #targets() {
    const { cluster, fleet, serving, config, names, codeStore } = this.#options
    return {
      cluster,
      fleet,
      serving,
      starts: this.#starts,
      verifier: this.#verifier,
      statuses: this.#statuses,
      afterWakeMs: config.afterWakeMs ?? AFTER_WAKE_MS,
      address: { internalBaseUrl: config.internalBaseUrl, makesServices: names !== undefined },
      removeCode: async (owner: RevisionTemplate['function'], digest: string) => codeStore?.remove(owner, digest),
      tell: (fn: DormouseFunction, reason: string, message: string) =>
        this.#tell(fn, { type: 'Normal', reason, message }),
    }
  }

  /** A Function that is deleted and made anew under its name is another one: what is left of the old goes. */
  #memoryOf(key: ObjectKey, { metadata: { uid }, status }: DormouseFunction): FunctionMemory {
    const { desired, fleet, clock } = this.#options
    const known = this.#memories.get(key)
    if (known?.uid === uid) return known
    if (known) this.#forget(key)
    if (status?.revision === undefined) this.#newcomers.arrived(clock.now())
    const memory = new FunctionMemory(key, uid)
    this.#memories.set(key, memory)
    // Without pods there is nothing to hold; with pods their number is held until the autoscaler knows more.
    const hasPods = fleet.pods(key).some(({ phase }) => phase !== 'leaving')
    if (!hasPods && desired.get(key) === undefined) desired.set(key, 0)
    return memory
  }

  #forget(key: ObjectKey): Outcome {
    const { serving, desired, fleet } = this.#options
    serving.remove(key)
    desired.remove(key)
    this.#verifier.withdraw(key)
    for (const { uid, phase } of fleet.pods(key)) if (phase !== 'leaving') fleet.retire(uid, 'its Function was deleted')
    this.#statuses.forget(this.#memories.get(key)?.uid ?? '')
    this.#memories.delete(key)
    return done
  }

  #find(key: ObjectKey): DormouseFunction | undefined {
    const fn = this.#options.functions.get(splitKey(key))
    return fn?.metadata.deletionTimestamp === undefined ? fn : undefined
  }

  #runtimeIdentity(name: string | undefined): string {
    const runtime = name === undefined ? undefined : this.#options.runtimes.get({ name })
    return runtime ? runtimeIdentity(runtime) : ''
  }

  #tell(regarding: DormouseFunction | undefined, event: Omit<EventInput, 'regarding'>): void {
    if (!this.#leadership.leads) return
    if (event.reason === 'RolledOut') this.#rollouts.inc({ outcome: 'done' })
    if (event.reason === 'RolloutFailed') this.#rollouts.inc({ outcome: 'refused' })
    if (regarding) void this.#options.cluster.recordEvent({ regarding, ...event })
  }
}
