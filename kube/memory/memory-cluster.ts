/**
 * The Cluster port in memory: what local mode and fast tests run on. Behaves as a Kubernetes API server with its garbage collector
 * behind it (test/conformance/cluster); there is no kubelet and no scheduler, and every namespace exists.
 * Leaves schemas of custom kinds to `admit`, keeping state across restarts to `persistence`, running pods to others.
 */
import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { KubeObject } from '../../api/object.ts'
import type {
  AppliedObject,
  ApplyOptions,
  Cache,
  CacheOptions,
  Cluster,
  DeleteOptions,
  EventInput,
} from '../cluster.ts'
import type { Kind, MergePatch, NewObject, ObjectRef, PatchOptions } from '../cluster.ts'
import { ClusterError } from '../errors.ts'
import { EventRecorder } from '../event-recorder.ts'
import { apiVersionOf, byNamespaceAndName, describeRef, scopedRef, type AnyKind } from '../kinds.ts'
import { BackgroundQueue } from './background-queue.ts'
import { admitBuiltIn } from './built-in-rules.ts'
import { isDeletionComplete, planDeletion } from './deletion.ts'
import { FieldOwners } from './field-owners.ts'
import { GarbageCollector } from './garbage-collector.ts'
import { jsonCopy } from '../json.ts'
import { MemoryCache } from './memory-cache.ts'
import type { MemoryClusterOptions } from './memory-cluster-options.ts'
import { freeName } from './metadata-rules.ts'
import { createdObject, patchedObject, withGeneration, withStatus } from './object-changes.ts'
import { kindIdOf, ObjectStore, type Change } from './object-store.ts'
import { resizedPod } from './pod-resize.ts'
import { checkDeletion, checkKind, checkVersion } from './preconditions.ts'
import { errorText } from '../../lib/error-text.ts'

export function createMemoryCluster(options: MemoryClusterOptions = {}): MemoryCluster {
  return new MemoryCluster(options)
}

const idOf = (kind: AnyKind): string => kindIdOf({ apiVersion: apiVersionOf(kind), kind: kind.kind })

export class MemoryCluster implements Cluster {
  readonly #admit: NonNullable<MemoryClusterOptions['admit']>
  readonly #now: () => number
  readonly #random: () => number
  readonly #onError: (error: unknown) => void
  readonly #store: ObjectStore
  readonly #queue: BackgroundQueue
  readonly #garbage: GarbageCollector
  readonly #events: EventRecorder
  readonly #owners = new FieldOwners()
  readonly #caches = new Map<string, Set<MemoryCache>>()

  constructor(options: MemoryClusterOptions) {
    this.#admit = options.admit ?? ((_kind, object) => object)
    this.#now = options.now ?? (() => Date.now())
    this.#random = options.random ?? (() => Math.random())
    this.#onError = options.onError ?? endProcess
    this.#queue = new BackgroundQueue(options.schedule ?? ((run) => void setImmediate(run)), this.#onError)
    const persistedKinds = new Set(options.persistence?.kinds.map(idOf))
    this.#store = new ObjectStore({
      isPersisted: (kindId) => persistedKinds.has(kindId),
      persistence: options.persistence?.store,
      onChange: (change) => this.#changed(change),
    })
    this.#garbage = new GarbageCollector({
      store: this.#store,
      queue: this.#queue,
      remove: (object) => this.#remove(object, undefined),
    })
    this.#events = new EventRecorder({
      cluster: this,
      now: this.#now,
      component: options.component ?? 'controller',
      deletesForgotten: true,
      onError: this.#onError,
    })
    // A process that ended between an owner's removal and its dependents' left them behind.
    for (const object of this.#store.all()) this.#garbage.check(object)
  }

  async create<T extends KubeObject>(kind: Kind<T>, object: NewObject<NoInfer<T>>): Promise<T> {
    const copy = jsonCopy(object) as unknown as NewObject<KubeObject>
    checkKind(kind, copy)
    const isTaken = (tried: string) => this.#store.get(idOf(kind), scopedRef(kind, { ...copy.metadata, name: tried }))
    const name = copy.metadata.name ?? freeName(kind, copy.metadata, { random: this.#random, isTaken })
    const created = createdObject(kind, copy, { name, uid: randomUUID(), nowMs: this.#now() })
    const admitted = this.#admitted(kind, created, undefined)
    if (this.#store.get(idOf(kind), admitted.metadata)) {
      throw new ClusterError('AlreadyExists', `${describeRef(kind.kind, admitted.metadata)} already exists`)
    }
    const stored = this.#store.put(admitted)
    this.#garbage.check(stored)
    return stored as T
  }

  async get<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef): Promise<T | undefined> {
    return this.#store.get(idOf(kind), scopedRef(kind, ref)) as T | undefined
  }

  async list<T extends KubeObject>(kind: Kind<T>, options?: CacheOptions): Promise<T[]> {
    return this.#store.select(idOf(kind), options).sort(byNamespaceAndName) as T[]
  }

  // eslint-disable-next-line max-params -- the port's
  async patch<T extends KubeObject>(
    kind: Kind<T>,
    ref: ObjectRef,
    patch: MergePatch,
    options: PatchOptions = {},
  ): Promise<T> {
    const old = this.#require(kind, ref)
    checkVersion(kind, old, options.resourceVersion)
    return this.#change(kind, old, jsonCopy(patch)) as T
  }

  // eslint-disable-next-line max-params -- the port's
  async patchStatus<T extends KubeObject>(
    kind: Kind<T>,
    ref: ObjectRef,
    status: object,
    options: PatchOptions = {},
  ): Promise<T> {
    const old = this.#require(kind, ref)
    if (!kind.hasStatus) throw new ClusterError('NotFound', `${kind.plural} have no status of their own`)
    checkVersion(kind, old, options.resourceVersion)
    return this.#replace(old, withStatus(old, jsonCopy(status))) as T
  }

  // eslint-disable-next-line max-params -- the port's
  async patchSubresource<T extends KubeObject>(
    kind: Kind<T>,
    ref: ObjectRef,
    _subresource: 'resize',
    patch: MergePatch,
  ): Promise<T> {
    const old = this.#require(kind, ref)
    return this.#replace(old, withGeneration(old, resizedPod(kind, old, jsonCopy(patch)))) as T
  }

  async apply<T extends KubeObject>(
    kind: Kind<T>,
    object: AppliedObject<NoInfer<T>>,
    { fieldManager = 'dormouse' }: ApplyOptions = {},
  ): Promise<T> {
    const fields = jsonCopy(object) as unknown as KubeObject & Record<string, unknown>
    checkKind(kind, fields)
    const old = this.#store.get(idOf(kind), scopedRef(kind, fields.metadata))
    const stored = old
      ? this.#change(kind, old, this.#owners.patchFor(old, fieldManager, fields))
      : await this.create<KubeObject>(kind, fields)
    this.#owners.note(stored.metadata.uid, fieldManager, fields)
    return stored as T
  }

  async delete<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, options: DeleteOptions = {}): Promise<void> {
    const object = this.#require(kind, ref)
    checkDeletion(kind, object, options)
    this.#remove(object, options.gracePeriodSeconds)
  }

  cache<T extends KubeObject>(kind: Kind<T>, options: CacheOptions = {}): Cache<T> {
    const caches = this.#caches.get(idOf(kind)) ?? new Set<MemoryCache>()
    this.#caches.set(idOf(kind), caches)
    const cache = new MemoryCache({
      kind,
      selector: options,
      initial: this.#store.select(idOf(kind), options),
      queue: this.#queue,
      onStop: (stopped) => caches.delete(stopped),
      onError: this.#onError,
    })
    caches.add(cache)
    return cache as unknown as Cache<T>
  }

  recordEvent(event: EventInput): Promise<void> {
    return this.#events.record(event)
  }

  /** Resolves when every cache has been told of every write and garbage is collected. For tests and for shutdown. */
  settled(): Promise<void> {
    return this.#queue.settled()
  }

  #changed(change: Change): void {
    for (const cache of this.#caches.get(change.kindId) ?? []) cache.changed(change)
  }

  #admitted(kind: AnyKind, object: KubeObject, old: KubeObject | undefined): KubeObject {
    try {
      return jsonCopy(this.#admit(kind.kind, admitBuiltIn(object, old)))
    } catch (error) {
      if (error instanceof ClusterError) throw error
      throw new ClusterError('Invalid', errorText(error), { cause: error })
    }
  }

  #change(kind: AnyKind, old: KubeObject, patch: MergePatch): KubeObject {
    const next = this.#admitted(kind, patchedObject(kind, old, patch), old)
    return this.#replace(old, withGeneration(old, next))
  }

  #replace(old: KubeObject, next: KubeObject): KubeObject {
    if (isDeepStrictEqual(next, old)) return old
    if (isDeletionComplete(next)) return this.#removeNow(next)
    const stored = this.#store.put(next)
    this.#garbage.check(stored)
    return stored
  }

  #remove(object: KubeObject, gracePeriodSeconds: number | undefined): void {
    const plan = planDeletion(object, gracePeriodSeconds, this.#now())
    if (plan.kind === 'remove') this.#removeNow(object)
    if (plan.kind === 'mark') this.#store.put({ ...object, metadata: plan.metadata })
  }

  #removeNow(object: KubeObject): KubeObject {
    const last = this.#store.remove(object)
    this.#garbage.ownerRemoved(object.metadata.uid)
    this.#owners.forget(object.metadata.uid)
    return last
  }

  #require(kind: AnyKind, ref: ObjectRef): KubeObject {
    const scoped = scopedRef(kind, ref)
    const object = this.#store.get(idOf(kind), scoped)
    if (!object) throw new ClusterError('NotFound', `${describeRef(kind.kind, scoped)} does not exist`)
    return object
  }
}

function endProcess(error: unknown): void {
  setImmediate(() => {
    throw error
  })
}
