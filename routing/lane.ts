/**
 * One function's way to its pods: slots in flight, the bounded queue of those who wait for one, and the load that makes.
 * Promises: first come first served; a slot that frees or a pod that arrives goes to the next waiter at once; a pod that refused or
 * cannot be reached is left out for a moment. Leaves deadlines to the waiters and waking to the waker.
 */
import type { ObjectKey } from '../api/names.ts'
import type { FeedEndpoint, FeedFunction, LoadReport } from '../api/protocol.ts'
import type { Clock } from '../lib/clock.ts'
import type { BlockCause } from './block-policy.ts'
import { LinkedList, ListNode } from '../lib/linked-list.ts'
import { LoadMeter } from './load-meter.ts'
import { PodSet, type WakePhases } from './pod-set.ts'
import { problemOf, ProblemError } from './problems.ts'
import type { PodSlots } from './slot-table.ts'
import type { FunctionEntry } from './snapshot.ts'

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

export type LaneLoad = LoadReport['functions'][number]

export class Lane {
  readonly key: ObjectKey
  #fn: FeedFunction
  readonly #options: LaneOptions
  readonly #pods: PodSet
  readonly #queue = new LinkedList<Waiter>()
  readonly #meter: LoadMeter
  #inFlight = 0
  #lastEndMs: number | undefined
  /** What callers get once it takes no more. */
  #closed: ProblemError | undefined

  constructor(entry: FunctionEntry, options: LaneOptions) {
    this.key = entry.fn.key
    this.#fn = entry.fn
    this.#options = options
    this.#meter = new LoadMeter(options.clock.now())
    this.#pods = new PodSet(options.clock, () => void this.#handOut())
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
    return this.#pods.usable
  }

  get closed(): boolean {
    return this.#closed !== undefined
  }

  /** All of them, leaving ones too; for operators. */
  pods(): readonly PodSlots[] {
    return [...this.#pods.all()]
  }

  /** Phases of the wake-up that brought this pod, when it was asked for here. */
  phasesOf(pod: PodSlots): WakePhases | undefined {
    return this.#pods.phasesOf(pod)
  }

  /** A slot if one is free and nobody waits for it. `avoid` is taken only when there is no other. */
  tryAcquire(nowMs: number, avoid?: PodSlots): PodSlots | undefined {
    if (this.#queue.size > 0) return undefined
    const pod = this.#pods.table.pick(this.#fn.concurrency, avoid)
    if (pod !== undefined) this.#take(pod, nowMs)
    return pod
  }

  /** Queues; `again` for one that held a slot already: it goes first. Returns the problem when it cannot wait. */
  wait(waiter: Waiter, again = false): ProblemError | undefined {
    if (this.#closed !== undefined) return this.#closed
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
    const nowMs = this.#options.clock.now()
    this.#inFlight--
    this.#meter.add(-1, nowMs)
    this.#lastEndMs = nowMs
    this.#pods.released(pod)
    if (this.#queue.size > 0) this.#handOut()
  }

  /** The pod answered as it should: its next refusal counts as the first. `isLast`: it takes nothing more. */
  worked(pod: PodSlots, isLast = false): void {
    if (pod.strikes > 0) pod.strikes = 0
    if (isLast) this.block(pod, 'leaving')
  }

  /** Leaves the pod out for a while; see block-policy. */
  block(pod: PodSlots, cause: BlockCause): void {
    this.#pods.block(pod, cause)
    if (this.#queue.size > 0) this.#options.onShortage(this)
  }

  /** An activation's answer: usable at once, before the feed brings it. Returns how many waiters it served. */
  offer(endpoint: FeedEndpoint, phases?: WakePhases): number {
    return this.#closed === undefined && this.#pods.offer(endpoint, phases) ? this.#handOut() : 0
  }

  /** A new entry of the feed. Only pods of the revision that takes traffic get requests. */
  update(entry: FunctionEntry): void {
    const { fn, endpoints } = entry
    const changed = fn.revision !== this.#fn.revision || fn.uid !== this.#fn.uid
    this.#fn = fn
    const serving = endpoints.filter(({ revision }) => revision === fn.revision)
    this.#pods.replace(serving, changed ? fn.revision : undefined)
    if (fn.broken !== undefined && this.podCount === 0) this.rejectAll(problemOf(fn.broken))
    this.#handOut()
    if (this.#queue.size > 0) this.#options.onShortage(this)
  }

  rejectAll(problem: ProblemError): void {
    // Not those who queue again while being told.
    for (let left = this.#queue.size; left > 0; left--) this.#shift()?.rejected(problem)
  }

  /** The function is gone, or this process is about to be: waiters hear so, what runs runs on. */
  close(problem = unknownFunction(this.key)): void {
    this.#closed = problem
    this.#pods.clear()
    this.rejectAll(problem)
  }

  /** One function's part of the load report; starts the next window. */
  takeLoad(): LaneLoad {
    const nowMs = this.#options.clock.now()
    const meanConcurrency = this.#meter.take(nowMs)
    const endpoints: Record<string, number> = {}
    for (const { endpoint, inFlight } of this.#pods.all()) if (inFlight > 0) endpoints[endpoint.id] = inFlight
    const idleMs = this.#meter.level > 0 ? 0 : this.#lastEndMs === undefined ? undefined : nowMs - this.#lastEndMs
    const { key } = this
    const load = { key, inFlight: this.#inFlight, queued: this.#queue.size, meanConcurrency, endpoints }
    return idleMs === undefined ? load : { ...load, idleMs }
  }

  #take(pod: PodSlots, nowMs: number): void {
    this.#inFlight++
    this.#meter.add(1, nowMs)
    this.#pods.table.count(pod, pod.inFlight + 1)
  }

  #shift(): Waiter | undefined {
    const waiter = this.#queue.shift()
    if (waiter !== undefined) this.#meter.add(-1, this.#options.clock.now())
    return waiter
  }

  #handOut(): number {
    let served = 0
    while (this.#queue.size > 0) {
      const pod = this.#pods.table.pick(this.#fn.concurrency)
      const waiter = pod === undefined ? undefined : this.#shift()
      if (pod === undefined || waiter === undefined) break
      this.#take(pod, this.#options.clock.now())
      served++
      waiter.granted(pod)
    }
    return served
  }
}

export function unknownFunction(key: string): ProblemError {
  return new ProblemError('unknown-function', `there is no function ${key}`)
}
