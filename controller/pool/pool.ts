/**
 * Keeps generic pods waiting: for every namespace with a Function of a Runtime, as many as the Runtime's pool.size. Promises never to make
 * pods ahead of starts that wait, and to leave nothing when the last such Function goes. Leaves handing them out to fleet/.
 */
import type { DormouseFunction } from '../../api/function.ts'
import { keyOf, type ObjectKey } from '../../api/names.ts'
import { poolKey, poolName, poolParts, poolSize } from '../../api/pool-name.ts'
import type { Runtime } from '../../api/runtime.ts'
import type { Cache } from '../../kube/cluster.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Gauge, Metrics } from '../../lib/metrics.ts'
import type { FunctionEvents } from '../fleet/function-events.ts'
import { poolOfSpec } from '../fleet/own-pod-policy.ts'
import type { PodFleet } from '../fleet/pod-fleet.ts'
import type { GenericPod } from '../fleet/pod-fleet-options.ts'
import type { Leadership } from '../leadership.ts'
import { planPool, type PoolInput, type PoolPod } from './plan.ts'

export type PoolFleet = Pick<
  PodFleet,
  | 'generic'
  | 'creatingIn'
  | 'waitingIn'
  | 'starts'
  | 'bootState'
  | 'forgetBoots'
  | 'templateOf'
  | 'createGeneric'
  | 'discardGeneric'
  | 'onGenericChange'
  | 'onChange'
>

export interface PoolOptions {
  functions: Cache<DormouseFunction>
  runtimes: Cache<Runtime>
  fleet: PoolFleet
  events: FunctionEvents
  clock: Clock
  logger: Logger
  metrics: Metrics
  leadership: Leadership
}

export interface Pool {
  start(): void
  stop(): void
}

/** A woken function answers its first request before the machine is asked to boot the next pod. */
const SETTLE_MS = 30
/** The same of one that another controller has woken: it is seen before its first request has come to its pod, which may have little processor time. */
const SETTLE_ELSEWHERE_MS = 150
/** A start that loads code for longer does not hold up the pools of others. */
const LONGEST_HOLD_MS = 250

/** How soon to look whether starts still wait, when nothing else tells. */
const ASK_AGAIN_MS = 100

/** Members of one namespace's use of one Runtime. */
interface PoolState {
  functions: ObjectKey[]
  pods: GenericPod[]
}

export function createPool(options: PoolOptions): Pool {
  return new LivePool(options)
}

class LivePool implements Pool {
  readonly #options: PoolOptions
  readonly #wanted: Gauge<'pool'>
  /** Of the last look. */
  #pools: readonly ObjectKey[] = []
  #unsubscribes: (() => void)[] = []
  #planned = false
  #cancelTimer: () => void = () => undefined
  #stopped = false
  #holdSinceMs: number | undefined
  readonly #reported = new Map<ObjectKey, number>()

  constructor(options: PoolOptions) {
    this.#options = options
    this.#wanted = options.metrics.gauge({
      name: 'dormouse_controller_pool_wanted_pods',
      help: 'Generic pods that should wait.',
      labels: ['pool'],
    })
    options.metrics.gauge({
      name: 'dormouse_controller_pool_pods',
      help: 'Generic pods there are; ready: they wait, booting: they will.',
      labels: ['pool', 'stage'],
      collect: (gauge) => {
        gauge.reset()
        for (const { pool, ready } of options.fleet.generic()) gauge.inc({ pool, stage: ready ? 'ready' : 'booting' })
      },
    })
    options.metrics.gauge({
      name: 'dormouse_controller_pool_boot_failures',
      help: 'Pods in a row that did not come up; 0 again with the first that does.',
      labels: ['pool'],
      collect: (gauge) => {
        gauge.reset()
        for (const pool of this.#pools) gauge.set({ pool }, options.fleet.bootState(pool).failures)
      },
    })
  }

  start(): void {
    const { functions, runtimes, fleet, leadership } = this.#options
    const changed = () => this.#planSoon()
    const handler = { added: changed, updated: changed, deleted: changed }
    this.#unsubscribes = [
      functions.subscribe({
        ...handler,
        updated: (now, old) => this.#poolOf(now) !== this.#poolOf(old) && changed(),
      }),
      runtimes.subscribe(handler),
      fleet.onGenericChange(changed),
      leadership.onLead(changed),
    ]
    changed()
  }

  stop(): void {
    this.#stopped = true
    this.#cancelTimer()
    this.#unsubscribes.forEach((unsubscribe) => unsubscribe())
  }

  #planSoon(): void {
    if (this.#planned) return
    this.#planned = true
    setImmediate(() => {
      this.#planned = false
      if (!this.#stopped && this.#options.leadership.leads) this.#run()
    })
  }

  #run(): void {
    this.#cancelTimer()
    const nowMs = this.#options.clock.now()
    const refillAtMs = this.#refillAtMs(nowMs)
    let againAtMs = Infinity
    this.#wanted.reset()
    const observed = this.#observe()
    const unused = this.#pools.filter((key) => (observed.get(key)?.functions.length ?? 0) === 0)
    unused.forEach((key) => this.#options.fleet.forgetBoots(key))
    this.#pools = [...observed.keys()]
    for (const [key, state] of observed) {
      const input = this.#inputOf(key, state, { nowMs, refillAtMs })
      if (input.size > 0) this.#wanted.set({ pool: key }, input.size)
      const plan = planPool(input)
      this.#apply(key, state, plan)
      againAtMs = Math.min(againAtMs, plan.againAtMs ?? Infinity)
    }
    if (againAtMs === Infinity) return
    this.#cancelTimer = this.#options.clock.after(Math.max(1, againAtMs - nowMs), () => this.#planSoon())
  }

  /** Starts come first: while one waits for a pod, or was made ready a moment ago, pools are not refilled. */
  #refillAtMs(nowMs: number): number {
    const { waitingForPod, specializing, lastEndedMs, lastElsewhereMs } = this.#options.fleet.starts()
    if (waitingForPod === 0 && specializing === 0) this.#holdSinceMs = undefined
    else this.#holdSinceMs ??= nowMs
    if (waitingForPod > 0) return nowMs + ASK_AGAIN_MS
    const holdUntilMs = (this.#holdSinceMs ?? 0) + LONGEST_HOLD_MS
    if (specializing > 0 && holdUntilMs > nowMs) return Math.min(holdUntilMs, nowMs + SETTLE_MS)
    return Math.max(lastEndedMs + SETTLE_MS, lastElsewhereMs + SETTLE_ELSEWHERE_MS)
  }

  #observe(): Map<ObjectKey, PoolState> {
    const pools = new Map<ObjectKey, PoolState>()
    const stateOf = (key: ObjectKey) => {
      const pool = pools.get(key) ?? { functions: [], pods: [] }
      pools.set(key, pool)
      return pool
    }
    for (const fn of this.#options.functions.list()) {
      const key = this.#poolOf(fn)
      if (fn.metadata.deletionTimestamp === undefined && key !== undefined)
        stateOf(key).functions.push(keyOf(fn.metadata))
    }
    for (const pod of this.#options.fleet.generic()) stateOf(pod.pool).pods.push(pod)
    return pools
  }

  #inputOf(key: ObjectKey, state: PoolState, time: { nowMs: number; refillAtMs: number }): PoolInput {
    const { fleet } = this.#options
    const runtime = this.#runtimeOf(key)
    const template = runtime && fleet.templateOf(runtime)
    const used = state.functions.length > 0
    const toPoolPod = ({ uid, ready, createdAtMs, template: made }: GenericPod): PoolPod => ({
      uid,
      ready,
      createdAtMs,
      current: made === template,
    })
    return {
      ...time,
      size: used && runtime !== undefined ? poolSize(runtime.spec.pool.size, poolParts(key)) : 0,
      used,
      pods: state.pods.map(toPoolPod),
      creating: fleet.creatingIn(key),
      waiting: fleet.waitingIn(key),
      boot: fleet.bootState(key),
    }
  }

  #apply(key: ObjectKey, state: PoolState, plan: ReturnType<typeof planPool>): void {
    const { fleet } = this.#options
    const runtime = this.#runtimeOf(key)
    for (const uid of plan.remove) fleet.discardGeneric(uid, 'the pool does not need it')
    if (runtime !== undefined) for (let made = 0; made < plan.create; made += 1) fleet.createGeneric(key, runtime)
    this.#reportBoots(key, state)
  }

  /** The pool that a Function takes its pods from. */
  #poolOf({ metadata: { namespace = '' }, spec }: DormouseFunction): ObjectKey | undefined {
    const runtime = this.#options.runtimes.get({ name: spec.runtime ?? '' })
    const name = poolOfSpec(spec, runtime?.spec)
    return name && poolKey({ namespace, ...name })
  }

  #runtimeOf(key: ObjectKey): Runtime | undefined {
    return this.#options.runtimes.get({ name: poolParts(key).runtime })
  }

  /** Once per back-off: the Functions that would use these pods are where users look. */
  #reportBoots(key: ObjectKey, { functions }: PoolState): void {
    const { failures, notBeforeMs, lastMessage, ending } = this.#options.fleet.bootState(key)
    if (failures === 0 || notBeforeMs === 0 || ending === true) return void this.#reported.delete(key)
    if (failures <= (this.#reported.get(key) ?? 2)) return
    this.#reported.set(key, failures)
    const message = `pods of runtime ${poolName(poolParts(key))} do not come up (${failures} in a row): ${lastMessage}`
    this.#options.logger.warn('pool pods do not come up', { pool: key, failures, lastMessage })
    for (const fn of functions.slice(0, 10))
      this.#options.events.record(fn, { type: 'Warning', reason: 'PoolBackOff', message })
  }
}
