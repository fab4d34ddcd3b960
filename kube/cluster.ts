/**
 * The Cluster port: what Dormouse needs of a Kubernetes API, without domain words and without a client's types.
 * Adapters: memory (local mode, tests) and client-node (a real API server). One conformance suite holds them to the same behaviour.
 */
import type { KubeObject, ManifestMeta } from '../api/object.ts'

/** Names a kind. The type parameter is what its objects look like. */
export interface Kind<T extends KubeObject> {
  /** Empty for the core group. */
  group: string
  version: string
  kind: string
  plural: string
  namespaced: boolean
  /** `status` is written through patchStatus only; create and patch ignore it. */
  hasStatus: boolean
  /** Its caches hold metadata only: for objects of which it is enough to know that they changed. Not for writing. */
  metadataOnly?: boolean
  /** Carries T; never set. */
  readonly __type?: T
}

export interface ObjectRef {
  /** Absent on a namespaced kind: `default`. */
  namespace?: string
  name: string
}

/** Either a name, or the front of one: the API server appends five random characters. */
export type NewMeta = Omit<ManifestMeta, 'name'> &
  ({ name: string; generateName?: never } | { name?: never; generateName: string })

/** What create takes: the object without what the API server adds. */
export type NewObject<T extends KubeObject> = Omit<T, 'metadata' | 'status'> & { metadata: NewMeta }

/** RFC 7386 merge patch: null removes, lists are replaced whole. */
export type MergePatch = Record<string, unknown>

export interface PatchOptions {
  /** Precondition: Conflict when the object has moved on. */
  resourceVersion?: string
}

/**
 * What apply takes: the fields we own, all of them and no others. One that was applied before and is no longer there is removed, unless somebody
 * else owns it too.
 */
export type AppliedObject<T extends KubeObject> = Partial<Omit<T, 'metadata' | 'status' | 'apiVersion' | 'kind'>> &
  Pick<T, 'apiVersion' | 'kind'> & { metadata: ManifestMeta }

export interface ApplyOptions {
  /** In whose name fields are owned; default: `dormouse`. */
  fieldManager?: string
}

export interface DeleteOptions {
  /** Seconds until a pod is killed; default: the pod's own. 0 = at once. */
  gracePeriodSeconds?: number
  /** Preconditions: Conflict when they do not hold. */
  uid?: string
  resourceVersion?: string
}

export interface CacheOptions {
  namespace?: string
  /** Equality only: every pair must match. */
  labels?: Record<string, string>
}

export interface CacheHandler<T> {
  added?(object: T): void
  updated?(object: T, old: T): void
  deleted?(object: T): void
}

/** A list kept current by a watch. Objects are shared: treat them as read-only. */
export interface Cache<T extends KubeObject> {
  /** Settles when the first list is in; rejects only when stopped before. */
  readonly synced: Promise<void>
  get(ref: ObjectRef): T | undefined
  list(options?: CacheOptions): T[]
  /** Calls `added` for everything known, then every change in order. Returns the unsubscribe. */
  subscribe(handler: CacheHandler<T>): () => void
  stop(): void
}

export interface EventInput {
  regarding: KubeObject
  type: 'Normal' | 'Warning'
  /** CamelCase, stable. */
  reason: string
  /** One sentence. */
  message: string
}

/** Every verb throws ClusterError only. What it returns may be shared with others: treat it as read-only. */
export interface Cluster {
  /** AlreadyExists, Invalid. */
  create<T extends KubeObject>(kind: Kind<T>, object: NewObject<NoInfer<T>>): Promise<T>
  get<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef): Promise<T | undefined>
  list<T extends KubeObject>(kind: Kind<T>, options?: CacheOptions): Promise<T[]>
  /** NotFound, Conflict, Invalid. A patch that changes nothing is no write: same resourceVersion, no watch event. */
  patch<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, patch: MergePatch, options?: PatchOptions): Promise<T>
  /** `status` is a merge patch of the status alone; errors as patch. */
  patchStatus<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, status: object, options?: PatchOptions): Promise<T>
  /**
   * A patch of `resize`: the resources of a pod's containers, which merge by name. NotFound, Invalid (and what the kubelet cannot do shows in the
   * pod's conditions later).
   */
  patchSubresource<T extends KubeObject>(
    kind: Kind<T>,
    ref: ObjectRef,
    subresource: 'resize',
    patch: MergePatch,
  ): Promise<T>
  /**
   * Server-side apply: creates what is missing, changes only the fields given, takes them from whoever has set them otherwise (`force`).
   * Changes nothing = no write. Not for a status. Invalid.
   */
  apply<T extends KubeObject>(kind: Kind<T>, object: AppliedObject<NoInfer<T>>, options?: ApplyOptions): Promise<T>
  /** NotFound, Conflict. Settles when the deletion is recorded: pods on a node and objects with finalizers stay a while. */
  delete<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, options?: DeleteOptions): Promise<void>
  /** Starts at once; the caller stops it. */
  cache<T extends KubeObject>(kind: Kind<T>, options?: CacheOptions): Cache<T>
  /** Best effort, repeats are counted on one Event object; never throws. */
  recordEvent(event: EventInput): Promise<void>
}
