/**
 * The fleet put together: the Fleet that functions/ and activation/ use, the supply that pool/ steers, and the door pods knock at.
 * Promises that a fleet that starts afresh knows all pods from the API and their own answers. Leaves numbers of pods to others.
 */
import { randomBytes } from 'node:crypto'
import type { ObjectKey } from '../../api/names.ts'
import type { Runtime } from '../../api/runtime.ts'
import type { Pod } from '../../kube/objects.ts'
import { pause } from '../../lib/pause.ts'
import { BootBackoff, type BootState } from './boot-backoff.ts'
import { PodStartError, type Fleet, type FleetPod, type RevisionTemplate, type StartedPod } from './fleet.ts'
import { createFleetMetrics, type FleetMetrics } from './fleet-metrics.ts'
import { ownPodKind, poolOf } from './own-pod-policy.ts'
import { OwnPods } from './own-pods.ts'
import type { PhoneHomeVerdict } from './phone-home.ts'
import { PodCreation } from './pod-creation.ts'
import { PodDoor, type PhoneHomeCall } from './pod-door.ts'
import { toGenericPod, type GenericPod, type PodFleetOptions } from './pod-fleet-options.ts'
import { PodInspector } from './pod-inspection.ts'
import { PodLabels } from './pod-labels.ts'
import { PodObserver } from './pod-observer.ts'
import { functionKeyOf, toFleetPod, type PodRecord, type PodStage } from './pod-record.ts'
import { PodRemoval } from './pod-removal.ts'
import { PodResize } from './pod-resize.ts'
import { PodResync } from './pod-resync.ts'
import { PodStarter } from './pod-start.ts'
import { PodSupply } from './pod-supply.ts'
import { PodTable } from './pod-table.ts'
import { podName, templateHash } from './resources.ts'
import type { WantedClaim } from './waiting-starts.ts'

/** Longest wait for the answers of pods found at start; who is silent longer is judged later. */
const REBUILD_LIMIT_MS = 6_000

export class PodFleet implements Fleet {
  readonly #options: PodFleetOptions
  readonly #table = new PodTable()
  readonly #backoff = new BootBackoff()
  readonly #stopped = new AbortController()
  readonly #metrics: FleetMetrics
  readonly #labels: PodLabels
  readonly #removal: PodRemoval
  readonly #inspector: PodInspector
  readonly #observer: PodObserver
  readonly #supply: PodSupply
  readonly #own: OwnPods
  readonly #resize: PodResize
  readonly #starter: PodStarter
  readonly #door: PodDoor
  readonly #resync: PodResync
  readonly #startFailures = new Set<(template: RevisionTemplate, error: unknown) => void>()
  #unsubscribes: (() => void)[] = []
  #takenElsewhereMs = -Infinity

  constructor(options: PodFleetOptions) {
    this.#options = options
    this.#metrics = createFleetMetrics(options.metrics, () => this.#countPods())
    const { afterWakeMs } = options.limits
    const shared = { ...options, afterWakeMs, signal: this.#stopped.signal, table: this.#table, metrics: this.#metrics }
    this.#labels = new PodLabels(shared)
    this.#removal = new PodRemoval({
      ...shared,
      labels: this.#labels,
      timeoutMsOf: (record) => this.#timeoutMsOf(record),
      bootFailed: (record, why) => this.#supply.bootFailed(record, why),
    })
    ;({ supply: this.#supply, own: this.#own } = this.#supplies(shared))
    this.#resize = new PodResize(shared)
    const parts = { ...shared, resize: this.#resize, labels: this.#labels, removal: this.#removal, own: this.#own }
    const offer = (record: PodRecord) => this.#supply.offer(record)
    const ownUp = (record: PodRecord) => this.#own.up(record)
    const { healthTimeoutMs } = options.limits
    const finish = (record: PodRecord, template: RevisionTemplate) => void this.#starter.orphan(record, template)
    this.#inspector = new PodInspector({ ...parts, healthTimeoutMs, offer, ownUp, finish })
    this.#door = new PodDoor({ ...parts, inspector: this.#inspector, offer, ownUp })
    this.#observer = new PodObserver({
      ...{ ...parts, inspector: this.#inspector, offer },
      added: (record) => this.#door.added(record),
      stuck: (record, message) => this.#supply.stuck(record, message),
      takenElsewhere: () => (this.#takenElsewhereMs = options.clock.now()),
    })
    const { initTimeoutMs, platformUrl } = options.settings
    const take = (template: RevisionTemplate, claim: WantedClaim) => this.#take(template, claim)
    this.#starter = new PodStarter({ ...parts, inspector: this.#inspector, take, initTimeoutMs, platformUrl })
    this.#resync = new PodResync({ ...parts, inspector: this.#inspector, everyMs: options.limits.resyncMs })
  }

  #supplies(shared: Omit<PodFleetOptions, 'metrics'> & { table: PodTable; metrics: FleetMetrics }) {
    const creation = new PodCreation({ ...shared, seen: (pod) => this.#observer.created(pod) })
    const makes = {
      newName: (prefix: string) => podName(prefix, randomBytes(8)),
      createFailed: (key: ObjectKey, error: unknown) => creation.failed(key, error),
      podTimeoutMs: shared.limits.podTimeoutMs,
      templateOf: (runtime: Runtime) => this.templateOf(runtime),
    }
    const supply = new PodSupply({
      ...shared,
      ...makes,
      backoff: this.#backoff,
      create: async (pod) => this.#madeHere(await creation.generic(pod)),
    })
    const own = new OwnPods({
      ...{ ...shared, ...makes, removal: this.#removal },
      create: async (pod) => void (await creation.own(pod)),
      late: (record, template) => void this.#starter.late(record, template),
    })
    return { supply, own }
  }

  /** Resolves when every pod the API knows has said who it is, or had its time to. */
  async rebuild(): Promise<void> {
    const { pods, clock } = this.#options
    const seen = (pod: Pod) => this.#observer.seen(pod)
    this.#observer.found(pods.list())
    this.#unsubscribes.push(
      pods.subscribe({ added: seen, updated: seen, deleted: (pod) => this.#observer.deleted(pod) }),
    )
    const settled = new AbortController()
    void this.#inspector.settled().then(() => settled.abort())
    await pause(clock, REBUILD_LIMIT_MS, settled.signal)
    this.#unsubscribes.push(this.#options.leadership.onLead(() => this.#removal.resume()))
    this.#resync.start()
  }

  /** Pods stay as they are and go on serving; starts that wait are rejected. */
  stop(): void {
    this.#stopped.abort()
    this.#resync.stop()
    this.#unsubscribes.forEach((unsubscribe) => unsubscribe())
    this.#supply.stop()
    this.#own.stop()
  }

  pods(key: ObjectKey): FleetPod[] {
    return this.#table.ofFunction(key).flatMap((record) => toFleetPod(record, this.#options.keys.dataKey) ?? [])
  }

  pendingStarts(key: ObjectKey, revision: string): number {
    const withoutPod = this.#supply.pendingStarts(key, revision) + this.#own.pendingStarts(key, revision)
    return withoutPod + this.#starter.betweenPods(key, revision)
  }

  async start(template: RevisionTemplate): Promise<StartedPod> {
    const { record, startup } = await this.#starter.start(template).catch((error: unknown) => {
      const isUnwanted = error instanceof PodStartError && error.code === 'stopped'
      if (!isUnwanted) this.#startFailures.forEach((listener) => listener(template, error))
      throw error
    })
    const pod = toFleetPod(record, this.#options.keys.dataKey)
    if (pod === undefined) throw new Error(`pod ${record.name} was specialized without a claim`)
    return { pod, ...startup }
  }

  onStartFailed(listener: (template: RevisionTemplate, error: unknown) => void): () => void {
    this.#startFailures.add(listener)
    return () => this.#startFailures.delete(listener)
  }

  retire(podUid: string, reason: string): void {
    const record = this.#table.get(podUid)
    if (record !== undefined) this.#removal.retire(record, reason)
  }

  labelled(key: ObjectKey): Promise<void> {
    return this.#labels.settled(this.#table.ofFunction(key))
  }

  onChange(listener: (key: ObjectKey) => void): () => void {
    return this.#table.onFunction(listener)
  }

  /** A pod says that it is up. */
  calledHome(call: PhoneHomeCall): PhoneHomeVerdict {
    return this.#door.call(call)
  }

  /** See templateHash(): pods of another template are not used any more. */
  templateOf(runtime: Runtime): string {
    return templateHash(runtime, this.#options.settings)
  }

  /** Booting and waiting pods of all namespaces. */
  *generic(): Iterable<GenericPod> {
    for (const record of this.#table.allGeneric()) yield toGenericPod(record)
  }

  /** Generic pods asked of the API and not shown by it yet. */
  creatingIn(pool: ObjectKey): number {
    return this.#supply.creatingIn(pool)
  }

  /** Starts that wait for a pod of this namespace and runtime. */
  waitingIn(pool: ObjectKey): number {
    return this.#supply.waitingIn(pool)
  }

  /** Starts under way anywhere, when the last one ended, and when another controller was last seen to have ended one (epoch ms). */
  starts(): { waitingForPod: number; specializing: number; lastEndedMs: number; lastElsewhereMs: number } {
    const { running: specializing, lastActivityMs: lastEndedMs } = this.#starter
    return { waitingForPod: this.#supply.waiting, specializing, lastEndedMs, lastElsewhereMs: this.#takenElsewhereMs }
  }

  bootState(pool: ObjectKey): BootState {
    return this.#backoff.get(pool)
  }

  /** Nobody uses that pool any more: who will begins afresh. */
  forgetBoots(pool: ObjectKey): void {
    this.#backoff.forget(pool)
  }

  createGeneric(pool: ObjectKey, runtime: Runtime): void {
    void this.#supply.create(pool, runtime)
  }

  discardGeneric(podUid: string, reason: string): void {
    const record = this.#table.get(podUid)
    if (record?.stage !== 'idle' && record?.stage !== 'booting') return
    this.#removal.discard(record, reason)
    this.#supply.replaceLost(record)
  }

  /** Returns the unsubscribe. */
  onGenericChange(listener: () => void): () => void {
    return this.#table.onGeneric(listener)
  }

  #take(template: RevisionTemplate, claim: WantedClaim) {
    const runtime = this.#options.runtimes.get({ name: template.runtime ?? '' })
    const isOwn = ownPodKind(template, runtime?.spec) !== undefined || this.#resize.isRefused(template)
    return isOwn ? this.#own.take(template, claim) : this.#supply.take(poolOf(template), claim)
  }

  #madeHere(podUid: string): void {
    const record = this.#table.get(podUid)
    if (record !== undefined) record.madeHere = true
  }

  #timeoutMsOf(record: PodRecord): number | undefined {
    const key = functionKeyOf(record)
    return key === undefined ? undefined : this.#options.timeoutMsOf(key)
  }

  #countPods(): Map<PodStage, number> {
    const counts = new Map<PodStage, number>()
    for (const { stage } of this.#table.all()) counts.set(stage, (counts.get(stage) ?? 0) + 1)
    return counts
  }
}
