/**
 * One function's way to its pods: slots in flight, the bounded queue of those who wait for one, and the load that makes.
 * Promises: first come first served; a slot that frees or a pod that arrives goes to the next waiter at once; a pod that refused or
 * cannot be reached is left out for a moment. Leaves deadlines to the waiters and waking to the waker.
 */
import type { ObjectKey } from '../api/names.ts'
import type { ActivationAnswer, FeedEndpoint, FeedFunction } from '../api/protocol.ts'
import type { Clock } from './clock.ts'
import { LinkedList, ListNode } from './linked-list.ts'
import { LoadMeter } from './load-meter.ts'
import { problemOf, ProblemError } from './problems.ts'
import { blockMs, type BlockCause } from './block-policy.ts'
import { PodSlots, SlotTable } from './slot-table.ts'
import type { FunctionEntry } from './snapshot.ts'

/** Milliseconds per phase as the controller measured them. */
export type WakePhases = Extract<ActivationAnswer, { outcome: 'endpoint' }>['phases']

/** Someone who waits for a slot. Exactly one of the two is called, unless it leaves the queue itself. */
export abstract class Waiter extends ListNode {
  /** The slot is taken: give it back with `release`. */
  abstract granted(pod: PodSlots): void
  abstract rejected(problem: ProblemError): void
}

export interface LaneOptions {
  clock: Clock
  queueLimit: number
  /** Someone waits and no slot is free. */
  onShortage(lane: Lane): void
}

/** How long a pod known from an activation only is believed before the feed must have brought it. */
const UNLISTED_LIFE_MS = 10_000
const REMEMBERED_REMOVALS = 256

export class Lane {
  readonly key: ObjectKey
  #fn: FeedFunction
  readonly #options: LaneOptions
  readonly #pods = new Map<string, PodSlots>()
  /** Out of the feed, still running something. */
  readonly #leaving = new Set<PodSlots>()
  /** Pods the feed has taken away: a late activation answer must not bring them back. */
  readonly #removed = new Set<string>()
  /** Pods not in the feed yet, with the timer that forgets them. */
  readonly #unlisted = new Map<PodSlots, () => void>()
  readonly #table = new SlotTable()
  readonly #queue = new LinkedList<Waiter>()
  readonly #meter: LoadMeter
  #inFlight = 0
  #lastEndMs: number | undefined
  #closed = false
  /** Phases by pod uid of wake-ups asked for here, for those who waited. */
  readonly #phases = new WeakMap<PodSlots, WakePhases>()

  constructor(entry: FunctionEntry, options: LaneOptions) {
    this.key = entry.fn.key
    this.#fn = entry.fn
    this.#options = options
    this.#meter = new LoadMeter(options.clock.now())
    this.update(entry)
  }

  get fn(): FeedFunction {
    return this.#fn
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get queued(): number {
    return this.#queue.size
  }

  /** Pods that can take requests or are merely full. */
  get podCount(): number {
    let full = 0
    for (const pod of this.#pods.values()) if (pod.blockReason === 'full') full++
    return this.#table.size + full
  }

  get closed(): boolean {
    return this.#closed
  }

  /** For operators. */
  pods(): readonly PodSlots[] {
    return [...this.#pods.values(), ...this.#leaving]
  }

  /** A slot if one is free and nobody waits for it. `avoid` is taken only when there is no other. */
  tryAcquire(avoid?: PodSlots): PodSlots | undefined {
    if (this.#queue.size > 0) return undefined
    const pod = this.#table.pick(this.#fn.concurrency, avoid)
    if (pod !== undefined) this.#take(pod)
    return pod
  }

  /** Queues; `again` for one that held a slot already: it goes first. Returns the problem when it cannot wait. */
  wait(waiter: Waiter, again = false): ProblemError | undefined {
    if (this.#closed) return unknownFunction(this.key)
    if (this.#fn.broken !== undefined && this.podCount === 0) return problemOf(this.#fn.broken)
    if (!again && this.#queue.size >= this.#options.queueLimit)
      return new ProblemError('queue-full', `${this.#options.queueLimit} requests wait for ${this.key} already`)
    if (again) this.#queue.unshift(waiter)
    else this.#queue.push(waiter)
    this.#meter.add(1, this.#options.clock.now())
    this.#options.onShortage(this)
    return undefined
  }

  /** A waiter that gives up: its deadline passed or its client went away. */
  leave(waiter: Waiter): void {
    if (this.#queue.remove(waiter)) this.#meter.add(-1, this.#options.clock.now())
  }

  release(pod: PodSlots): void {
    this.#inFlight--
    const nowMs = this.#options.clock.now()
    this.#meter.add(-1, nowMs)
    this.#lastEndMs = nowMs
    this.#table.count(pod, pod.inFlight - 1)
    if (pod.gone && pod.inFlight === 0) this.#leaving.delete(pod)
    if (this.#queue.size > 0) this.#handOut()
  }

  /** The pod answered as it should: its next refusal counts as the first. */
  worked(pod: PodSlots): void {
    if (pod.strikes > 0) pod.strikes = 0
  }

  /** Leaves the pod out for a while; see block-policy. */
  block(pod: PodSlots, cause: BlockCause): void {
    if (pod.gone) return
    pod.block?.()
    this.#table.remove(pod)
    pod.blockReason = cause === 'busy' ? 'full' : 'unusable'
    pod.strikes++
    pod.block = this.#options.clock.after(blockMs(cause, pod.strikes), () => this.#unblock(pod))
  }

  /** An activation's answer: usable at once, before the feed brings it. Returns how many waiters it served. */
  offer(endpoint: FeedEndpoint, phases?: WakePhases): number {
    if (this.#closed || this.#removed.has(endpoint.id)) return 0
    const known = this.#pods.get(endpoint.id)
    const pod = known ?? this.#add(endpoint, false)
    if (phases !== undefined) this.#phases.set(pod, phases)
    if (known !== undefined) return 0
    const expire = () => (pod.listed ? undefined : this.#drop(pod))
    this.#unlisted.set(pod, this.#options.clock.after(UNLISTED_LIFE_MS, expire))
    return this.#handOut()
  }

  /** Phases of the wake-up that brought this pod, when it was asked for here. */
  phasesOf(pod: PodSlots): WakePhases | undefined {
    return this.#phases.get(pod)
  }

  /** A new entry of the feed. */
  update(entry: FunctionEntry): void {
    const revisionChanged = entry.fn.revision !== this.#fn.revision || entry.fn.uid !== this.#fn.uid
    this.#fn = entry.fn
    const serving = entry.endpoints.filter((endpoint) => endpoint.revision === entry.fn.revision)
    const ids = new Set(serving.map(({ id }) => id))
    for (const pod of [...this.#pods.values()]) {
      const stale = revisionChanged && pod.endpoint.revision !== entry.fn.revision
      if (!ids.has(pod.endpoint.id) && (pod.listed || stale)) this.#drop(pod)
    }
    for (const endpoint of serving) this.#list(endpoint)
    if (entry.fn.broken !== undefined && this.podCount === 0) this.rejectAll(problemOf(entry.fn.broken))
    this.#handOut()
    if (this.#queue.size > 0) this.#options.onShortage(this)
  }

  rejectAll(problem: ProblemError): void {
    for (let waiter = this.#shift(); waiter !== undefined; waiter = this.#shift()) waiter.rejected(problem)
  }

  /** The function is gone: waiters get 404, what runs runs on. */
  close(): void {
    this.#closed = true
    for (const pod of [...this.#pods.values()]) this.#drop(pod)
    this.rejectAll(unknownFunction(this.key))
  }

  /** One function's part of the load report; starts the next window. */
  takeLoad(): LaneLoad {
    const nowMs = this.#options.clock.now()
    const meanConcurrency = this.#meter.take(nowMs)
    const endpoints: Record<string, number> = {}
    for (const pod of this.#pods.values()) if (pod.inFlight > 0) endpoints[pod.endpoint.id] = pod.inFlight
    for (const pod of this.#leaving) endpoints[pod.endpoint.id] = pod.inFlight
    const idleMs = this.#meter.level > 0 ? 0 : this.#lastEndMs === undefined ? undefined : nowMs - this.#lastEndMs
    return {
      key: this.key,
      inFlight: this.#inFlight,
      queued: this.#queue.size,
      meanConcurrency,
      ...(idleMs === undefined ? {} : { idleMs }),
      endpoints,
    }
  }

  #list(endpoint: FeedEndpoint): void {
    const pod = this.#pods.get(endpoint.id)
    if (pod === undefined) {
      this.#removed.delete(endpoint.id)
      this.#add(endpoint, true)
      return
    }
    const confirmed = !pod.listed || pod.endpoint !== endpoint
    pod.listed = true
    this.#unlisted.get(pod)?.()
    this.#unlisted.delete(pod)
    pod.endpoint = endpoint
    if (confirmed && pod.blockReason === 'unusable') this.#unblock(pod)
  }

  #add(endpoint: FeedEndpoint, listed: boolean): PodSlots {
    const pod = new PodSlots(endpoint, { listed, addedAtMs: this.#options.clock.now() })
    this.#pods.set(endpoint.id, pod)
    this.#table.add(pod)
    return pod
  }

  #drop(pod: PodSlots): void {
    this.#pods.delete(pod.endpoint.id)
    this.#table.remove(pod)
    this.#unlisted.get(pod)?.()
    this.#unlisted.delete(pod)
    pod.block?.()
    pod.gone = true
    if (pod.inFlight > 0) this.#leaving.add(pod)
    if (pod.listed) this.#remember(pod.endpoint.id)
  }

  #remember(id: string): void {
    this.#removed.add(id)
    for (const oldest of this.#removed) {
      if (this.#removed.size <= REMEMBERED_REMOVALS) break
      this.#removed.delete(oldest)
    }
  }

  #unblock(pod: PodSlots): void {
    pod.block?.()
    pod.block = pod.blockReason = undefined
    if (pod.gone) return
    this.#table.add(pod)
    this.#handOut()
  }

  #take(pod: PodSlots): void {
    this.#inFlight++
    this.#meter.add(1, this.#options.clock.now())
    this.#table.count(pod, pod.inFlight + 1)
  }

  #shift(): Waiter | undefined {
    const waiter = this.#queue.shift()
    if (waiter !== undefined) this.#meter.add(-1, this.#options.clock.now())
    return waiter
  }

  #handOut(): number {
    let served = 0
    while (this.#queue.size > 0) {
      const pod = this.#table.pick(this.#fn.concurrency)
      const waiter = pod === undefined ? undefined : this.#shift()
      if (pod === undefined || waiter === undefined) break
      this.#take(pod)
      served++
      waiter.granted(pod)
    }
    return served
  }
}

export interface LaneLoad {
  key: ObjectKey
  inFlight: number
  queued: number
  meanConcurrency: number
  idleMs?: number
  endpoints: Record<string, number>
}

export function unknownFunction(key: string): ProblemError {
  return new ProblemError('unknown-function', `there is no function ${key}`)
}
