/**
 * Decides once a second how many pods each awake function should have, and takes wake-ups in between. Owns the memory decisions need;
 * promises that a function without pods, load or wishes costs nothing per tick; leaves carrying out to functions/.
 * A fresh controller knows nothing about load, so it holds what is there until data planes report.
 */
import type { ObjectKey } from '../../api/names.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Counter, Gauge, Metrics } from '../../lib/metrics.ts'
import type { Fleet, FleetPod } from '../fleet/fleet.ts'
import type { Serving, ServingBook } from '../functions/serving.ts'
import { DEFAULT_SCALE_POLICY, decide, initialScaleState } from './decide.ts'
import type { ObservedLoad, ScaleObservation, ScalePolicy, ScaleReason, ScaleState } from './decide.ts'
import type { DesiredBook } from './desired.ts'
import { NO_LOAD, totalLoad } from './load.ts'
import type { LoadSource } from './load.ts'
import { DECIDED, type ScaleRecord } from './recording.ts'

const TICK_MS = 1_000

export interface ScaleChange {
  from: number
  to: number
  reason: ScaleReason
}

export interface AutoscalerOptions {
  serving: ServingBook
  fleet: Pick<Fleet, 'pods' | 'pendingStarts' | 'onChange'>
  desired: DesiredBook
  load: LoadSource
  clock: Clock
  logger: Logger
  metrics: Metrics
  policy?: ScalePolicy
  /** Every change of a decision, for Events. */
  onDecision?: (key: ObjectKey, change: ScaleChange) => void
}

export interface Autoscaler {
  start(): void
  stop(): void
  /**
   * A wake-up needs at least this many pods in all. Counts at once. Call it in the same synchronous step as `fleet.start`, so that
   * functions/ neither retires the new pod as too many nor starts another one.
   */
  wish(key: ObjectKey, pods: number): void
}

export function createAutoscaler(options: AutoscalerOptions): Autoscaler {
  return new TickingAutoscaler(options)
}

class TickingAutoscaler implements Autoscaler {
  readonly #options: AutoscalerOptions
  readonly #gauge: Gauge<'function'>
  readonly #changes: Counter<'direction' | 'reason'>
  /** Functions that may need a decision; all others have neither pods nor load. */
  readonly #awake = new Set<ObjectKey>()
  readonly #states = new Map<ObjectKey, ScaleState>()
  readonly #wishes = new Map<ObjectKey, number>()
  /** Pods that other replicas started, by uid, that are counted already. */
  readonly #foreign = new Map<ObjectKey, ReadonlySet<string>>()
  #stops: (() => void)[] = []
  #cancelTick: (() => void) | undefined

  constructor(options: AutoscalerOptions) {
    this.#options = options
    this.#gauge = options.metrics.gauge({
      name: 'dormouse_controller_desired_pods',
      help: 'Pods the autoscaler wants a function to have.',
      labels: ['function'],
    })
    this.#changes = options.metrics.counter({
      name: 'dormouse_controller_scale_changes_total',
      help: 'Decisions that changed how many pods a function should have, by direction and reason.',
      labels: ['direction', 'reason'],
    })
  }

  start(): void {
    const { serving, fleet } = this.#options
    for (const { key } of serving.all()) this.#awake.add(key)
    // What is there already is held, it was nobody's wish of now.
    for (const { key } of serving.all()) this.#foreign.set(key, this.#foreignPods(key))
    this.#stops = [
      serving.onChange((key) => (serving.get(key) ? this.#awake.add(key) : this.#forget(key))),
      fleet.onChange((key) => {
        if (serving.get(key) === undefined) return
        this.#awake.add(key)
        this.#noticeForeign(key)
      }),
    ]
    this.#schedule()
  }

  stop(): void {
    this.#cancelTick?.()
    this.#stops.forEach((stop) => stop())
    this.#stops = []
  }

  wish(key: ObjectKey, pods: number): void {
    const serving = this.#options.serving.get(key)
    if (!serving) return
    const allowed = Math.min(pods, serving.scaling.max)
    this.#wishes.set(key, Math.max(this.#wishes.get(key) ?? 0, allowed))
    this.#awake.add(key)
    const from = this.#options.desired.get(key) ?? 0
    this.#options.desired.raise(key, allowed)
    if (allowed > from) this.#announce(key, { from, to: allowed, reason: 'woken' })
  }

  /**
   * A pod that another replica started was somebody's wake-up there: a wish like those that come here. In the same step as the fleet shows it,
   * so that nobody retires it as one too many.
   */
  #noticeForeign(key: ObjectKey): void {
    const before = this.#foreign.get(key)
    const now = this.#foreignPods(key)
    if (now.size > 0) this.#foreign.set(key, now)
    else this.#foreign.delete(key)
    if ([...now].some((uid) => before?.has(uid) !== true)) this.wish(key, this.#podsOf(key))
  }

  #foreignPods(key: ObjectKey): Set<string> {
    const revision = this.#options.serving.get(key)?.template?.revision
    const pods = this.#options.fleet.pods(key)
    // Starting ones are nobody's to retire, and one made here for its function is told apart when it is up.
    const isForeign = (pod: FleetPod) => pod.isForeign === true && pod.revision === revision && pod.phase === 'ready'
    return new Set(pods.filter(isForeign).map(({ uid }) => uid))
  }

  /** Of the serving revision: starting, ready, and starts that have no pod yet. */
  #podsOf(key: ObjectKey): number {
    const { fleet, serving } = this.#options
    const revision = serving.get(key)?.template?.revision ?? ''
    const alive = fleet.pods(key).filter((pod) => pod.revision === revision && pod.phase !== 'leaving')
    return alive.length + fleet.pendingStarts(key, revision)
  }

  #schedule(): void {
    this.#cancelTick = this.#options.clock.after(TICK_MS, () => {
      this.#tick()
      this.#schedule()
    })
  }

  #tick(): void {
    const loads = totalLoad(this.#options.load.fresh())
    for (const key of loads?.keys() ?? []) if (this.#options.serving.get(key)) this.#awake.add(key)
    for (const key of this.#awake) {
      try {
        this.#review(key, loads)
      } catch (error) {
        this.#options.logger.error('cannot decide how many pods a function needs', { function: key, error })
      }
    }
  }

  #review(key: ObjectKey, loads: Map<ObjectKey, ObservedLoad> | undefined): void {
    const serving = this.#options.serving.get(key)
    if (!serving) return this.#forget(key)
    if (!serving.template) return this.#sleep(key)
    const observation = this.#observe(serving, loads)
    this.#decide(key, observation)
    const quiet = observation.pods === 0 && this.#options.desired.get(key) === 0 && !loads?.has(key)
    if (quiet) this.#sleep(key)
  }

  #observe({ key, scaling, concurrency }: Serving, loads?: Map<ObjectKey, ObservedLoad>): ScaleObservation {
    const { clock, fleet, policy = DEFAULT_SCALE_POLICY } = this.#options
    const wish = this.#wishes.get(key) ?? 0
    this.#wishes.delete(key)
    const nowMs = clock.now()
    const pods = fleet.pods(key)
    const isNew = ({ readyAtMs = -Infinity }: FleetPod) => readyAtMs > nowMs - policy.wakingMs
    const isWokenElsewhere = pods.some((pod) => pod.isForeign === true && isNew(pod))
    return {
      nowMs,
      settings: {
        concurrency,
        target: scaling.target,
        min: scaling.min,
        max: scaling.max,
        idleAfterMs: scaling.idleAfterMs,
      },
      pods: this.#podsOf(key),
      ready: pods.filter(({ phase }) => phase === 'ready').length,
      ...(loads && { load: loads.get(key) ?? NO_LOAD }),
      wish,
      ...(isWokenElsewhere && { isWokenElsewhere }),
    }
  }

  #decide(key: ObjectKey, observation: ScaleObservation): void {
    const { desired, logger, policy = DEFAULT_SCALE_POLICY } = this.#options
    const known = this.#states.get(key)
    const initial = { nowMs: observation.nowMs, desired: desired.get(key) ?? observation.pods }
    const state = known ?? initialScaleState(initial.nowMs, initial.desired)
    const decision = decide(state, observation, policy)
    this.#states.set(key, decision.state)
    const { desired: pods, reason } = decision
    const inputs = { function: key, ...(!known && { initial }), observation }
    logger.debug(DECIDED, { ...inputs, desired: pods, reason } satisfies ScaleRecord)
    const from = desired.get(key) ?? observation.pods
    if (from !== pods) this.#announce(key, { from, to: pods, reason }, observation)
    this.#gauge.set({ function: key }, pods)
    desired.set(key, pods)
  }

  #announce(key: ObjectKey, change: ScaleChange, observation?: ScaleObservation): void {
    this.#changes.inc({ direction: change.to > change.from ? 'up' : 'down', reason: change.reason })
    this.#options.logger.info('desired pods changed', {
      function: key,
      ...change,
      ...(observation && { observation }),
    })
    this.#options.onDecision?.(key, change)
  }

  /** Nothing to decide until it is woken or changed. */
  #sleep(key: ObjectKey): void {
    this.#awake.delete(key)
    this.#states.delete(key)
    this.#wishes.delete(key)
    this.#options.desired.set(key, 0)
    this.#gauge.set({ function: key }, 0)
  }

  #forget(key: ObjectKey): void {
    this.#foreign.delete(key)
    this.#awake.delete(key)
    this.#states.delete(key)
    this.#wishes.delete(key)
    this.#options.desired.remove(key)
    this.#gauge.remove({ function: key })
  }
}
