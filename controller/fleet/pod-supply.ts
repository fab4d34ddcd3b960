/**
 * Generic pods for whoever needs one: hands out waiting pods, creates one for every start that finds none, and gives the first that boots
 * to the oldest start of its namespace and runtime. Leaves to pool/ how many should wait, to pod-start.ts what is done with them.
 */
import type { ObjectKey } from '../../api/names.ts'
import type { Runtime } from '../../api/runtime.ts'
import { poolKey, poolParts, type PoolName } from '../../api/pool-name.ts'
import type { Cache } from '../../kube/cluster.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Leadership } from '../leadership.ts'
import { PodStartError } from './fleet.ts'
import type { BootBackoff } from './boot-backoff.ts'
import { pickIdle } from './pick-idle.ts'
import type { NewGenericPod } from './pod-creation.ts'
import type { PodRecord } from './pod-record.ts'
import type { GiveUp } from './pod-removal.ts'
import type { PodTable } from './pod-table.ts'
import { createRefusal, notCreated } from './pod-trouble.ts'
import { WaitingStarts, type SuppliedPod, type WaitingStart, type WantedClaim } from './waiting-starts.ts'

export interface PodSupplyOptions {
  table: PodTable
  runtimes: Cache<Runtime>
  backoff: BootBackoff
  clock: Clock
  leadership: Pick<Leadership, 'leads'>
  /** How long a start waits for a pod to boot. */
  podTimeoutMs: number
  templateOf: (runtime: Runtime) => string
  newName(runtime: string): string
  /** Creates the pod and puts it into the table. */
  create(pod: NewGenericPod): Promise<void>
  /** A pod could not be created: told to whoever logs and counts. */
  createFailed(pool: ObjectKey, error: unknown): void
}

/** A booting pod silent for longer is not counted on any more: another is made for who waits. */
const BOOT_PATIENCE_MS = 15_000
/** Deaths at boot that the oldest start sits out. */
const MOST_DEATHS = 2
/** A start waits out a back-off that ends this soon; a longer one fails it. */
const LONGEST_HOLD_MS = 2_000

export class PodSupply {
  readonly #options: PodSupplyOptions
  readonly #waiters = new WaitingStarts()
  readonly #creating = new Map<ObjectKey, Set<string>>()
  /** Ends of back-offs that starts wait for. */
  readonly #held = new Map<ObjectKey, () => void>()
  #stopped = false

  constructor(options: PodSupplyOptions) {
    this.#options = options
  }

  /** Starts that wait for a pod, of all pools. */
  get waiting(): number {
    return this.#waiters.total
  }

  waitingIn(pool: ObjectKey): number {
    return this.#waiters.of(pool).length
  }

  /** Pods asked of the API and not yet in the table. */
  creatingIn(pool: ObjectKey): number {
    const { table } = this.#options
    const isUnknown = (name: string) => table.byName(poolParts(pool).namespace, name) === undefined
    return [...(this.#creating.get(pool) ?? [])].filter(isUnknown).length
  }

  pendingStarts(key: ObjectKey, revision: string): number {
    return this.#waiters.countOf(key, revision)
  }

  /** A pod claimed for the caller: at once and synchronously when one waits. Throws PodStartError. */
  take(name: PoolName, claim: WantedClaim): Promise<SuppliedPod> {
    const pool = poolKey({ namespace: claim.function.namespace, ...name })
    const runtime = this.#options.runtimes.get({ name: name.runtime })
    if (this.#stopped) return Promise.reject(new PodStartError('stopped', 'the controller is stopping'))
    if (runtime === undefined)
      return Promise.reject(new PodStartError('runtime-missing', `there is no Runtime named ${name.runtime}`))
    const { table, leadership, templateOf } = this.#options
    const idle = pickIdle(table.generic(pool), { template: templateOf(runtime), leads: leadership.leads })
    if (idle === undefined) return this.#wait(pool, claim)
    this.#claim(idle, claim)
    return Promise.resolve({ record: idle, source: 'pool' })
  }

  /** A pod is up and generic: the oldest start that waits for one gets it, else it waits itself. */
  offer(record: PodRecord): void {
    const pool = poolKey(record)
    this.#options.backoff.forget(pool)
    const usable = this.#templateOf(pool) === record.template
    const waiter = usable ? this.#waiters.of(pool)[0] : undefined
    if (waiter === undefined) return this.#options.table.change(record, { stage: 'idle', claim: null })
    this.#waiters.remove(waiter)
    this.#claim(record, waiter.claim)
    waiter.resolve({ record, source: 'new' })
  }

  /** A booting pod finds no room for now: who would have to wait for it learns why instead, and no other is made to wait beside it. */
  stuck(record: PodRecord, message: string): void {
    record.stuck = message
    const pool = poolKey(record)
    const waiters = this.#waiters.of(pool)
    this.#waiters.failAll(waiters.slice(this.#coming(pool)), new PodStartError('start-failed', message))
  }

  /** A pod that starts may have waited for is not coming any more. */
  replaceLost(record: PodRecord): void {
    this.#balance(poolKey(record))
  }

  /** A pod ended before it was up. */
  bootFailed(record: PodRecord, { reason, message }: GiveUp): void {
    const pool = poolKey(record)
    const { backoff, clock } = this.#options
    backoff.failed(pool, { message, createdAtMs: record.createdAtMs, nowMs: clock.now() })
    // That somebody deleted one says little about the next: only who deletes all of them is not to be kept busy.
    if (reason === 'deleted') return this.#balance(pool)
    // The next would fail for the same reason.
    if (reason === 'cannot-run')
      this.#waiters.failAll(this.#waiters.of(pool), new PodStartError('start-failed', message))
    const oldest = this.#waiters.of(pool)[0]
    if (oldest !== undefined) {
      oldest.deaths += 1
      const text = `${oldest.deaths} pods in a row ended before they were up; the last: ${message}`
      if (oldest.deaths > MOST_DEATHS) this.#waiters.fail(oldest, new PodStartError('start-failed', text))
    }
    this.#balance(pool)
  }

  /** Asks the API for one more generic pod. Never rejects: a failure counts as one that did not boot. */
  async create(pool: ObjectKey, runtime: Runtime): Promise<void> {
    const name = this.#options.newName(runtime.metadata.name)
    const creating = this.#creating.get(pool) ?? new Set()
    this.#creating.set(pool, creating.add(name))
    try {
      await this.#options.create({ ...poolParts(pool), name, runtime })
    } catch (error) {
      this.#createFailed(pool, error)
    } finally {
      creating.delete(name)
      if (creating.size === 0) this.#creating.delete(pool)
    }
    this.#balance(pool)
  }

  stop(): void {
    this.#stopped = true
    this.#held.forEach((cancel) => cancel())
    this.#waiters.failAll(this.#waiters.all(), new PodStartError('stopped', 'the controller is stopping'))
  }

  #wait(pool: ObjectKey, claim: WantedClaim): Promise<SuppliedPod> {
    const blocked = this.#blocked(pool)
    if (blocked !== undefined) return Promise.reject(blocked)
    const { clock, podTimeoutMs } = this.#options
    const { promise, resolve, reject } = Promise.withResolvers<SuppliedPod>()
    const late = () => new PodStartError('start-timeout', `no pod of ${pool} was up within ${podTimeoutMs / 1000} s`)
    const stopTimer = clock.after(podTimeoutMs, () => this.#waiters.fail(waiter, late()))
    const waiter: WaitingStart = { pool, claim, deaths: 0, resolve, reject, stopTimer }
    this.#waiters.add(waiter)
    this.#balance(pool)
    return promise
  }

  #blocked(pool: ObjectKey): PodStartError | undefined {
    const [stuck] = this.#stuckIn(pool)
    if (stuck !== undefined && this.#coming(pool) <= this.#waiters.of(pool).length)
      return new PodStartError('start-failed', stuck)
    const { notBeforeMs, failures, lastMessage, ending } = this.#options.backoff.get(pool)
    if (notBeforeMs <= this.#options.clock.now() + LONGEST_HOLD_MS || this.#coming(pool) > 0) return undefined
    const message = `the last ${failures} pods of ${pool} did not come up: ${lastMessage}`
    return new PodStartError(ending === true ? 'namespace-ending' : 'start-failed', message)
  }

  /** Why booting pods of it do not come up for now, one by one: of those made from its Runtime as it is. */
  #stuckIn(pool: ObjectKey): string[] {
    const wanted = this.#templateOf(pool)
    return [...this.#options.table.generic(pool)].flatMap(({ stage, stuck, template }) =>
      stage === 'booting' && template === wanted ? (stuck ?? []) : [],
    )
  }

  #templateOf(pool: ObjectKey): string | undefined {
    const runtime = this.#options.runtimes.get({ name: poolParts(pool).runtime })
    return runtime && this.#options.templateOf(runtime)
  }

  #isHeld(pool: ObjectKey): boolean {
    return this.#options.backoff.get(pool).notBeforeMs > this.#options.clock.now()
  }

  #balanceLater(pool: ObjectKey): void {
    if (this.#held.has(pool)) return
    const { clock, backoff } = this.#options
    const cancel = clock.after(backoff.get(pool).notBeforeMs - clock.now(), () => {
      this.#held.delete(pool)
      this.#balance(pool)
    })
    this.#held.set(pool, cancel)
  }

  #claim(record: PodRecord, claim: WantedClaim): void {
    const claimedAtMs = this.#options.clock.now()
    this.#options.table.change(record, { stage: 'starting', claim: { ...claim, claimedAtMs, acknowledges: false } })
  }

  #balance(pool: ObjectKey): void {
    const waiters = this.#waiters.of(pool)
    const runtime = this.#options.runtimes.get({ name: poolParts(pool).runtime })
    if (this.#stopped || runtime === undefined) return
    const missing = waiters.length - this.#coming(pool)
    if (missing <= 0) return
    const blocked = this.#blocked(pool)
    if (blocked !== undefined) this.#waiters.failAll(waiters, blocked)
    else if (this.#isHeld(pool)) this.#balanceLater(pool)
    else for (let made = 0; made < missing; made += 1) void this.create(pool, runtime)
  }

  /** On their way up, of this process: they call home here. Those of another controller go to who waits there. */
  #coming(pool: ObjectKey): number {
    return (this.#creating.get(pool)?.size ?? 0) + this.#bootingHere(pool).length
  }

  /** Without those whose creation has not been answered: they are counted as such. */
  #bootingHere(pool: ObjectKey): PodRecord[] {
    const { clock, table } = this.#options
    const wanted = this.#templateOf(pool)
    const sinceMs = clock.now() - BOOT_PATIENCE_MS
    const creating = this.#creating.get(pool)
    const ours = [...table.generic(pool)].filter(({ madeHere, name }) => madeHere === true && !creating?.has(name))
    return ours.filter(
      (pod) =>
        pod.stage === 'booting' && pod.stuck === undefined && pod.createdAtMs >= sinceMs && pod.template === wanted,
    )
  }

  #createFailed(pool: ObjectKey, error: unknown): void {
    const nowMs = this.#options.clock.now()
    this.#options.backoff.failed(pool, { ...createRefusal(error), createdAtMs: nowMs, nowMs })
    this.#options.createFailed(pool, error)
    const waiters = this.#waiters.of(pool)
    // Older ones still get the pods that are on their way.
    const newest = waiters.length > this.#coming(pool) - 1 ? waiters.at(-1) : undefined
    if (newest !== undefined) this.#waiters.fail(newest, notCreated(error))
  }
}
