/**
 * The Cluster port: what Dormouse needs of a Kubernetes API, without domain words and without a client's types.
 * Adapters: memory (local mode, tests); the Kubernetes client later. One conformance suite holds them to the same behaviour.
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
  /** Changes of `spec` count `metadata.generation`; `status` is written through patchStatus only. */
  hasStatus: boolean
  /** Carries T; never set. */
  readonly __type?: T
}

export interface ObjectRef {
  namespace?: string
  name: string
}

/** What create takes: the object without what the API server adds. */
export type NewObject<T extends KubeObject> = Omit<T, 'metadata' | 'status'> & {
  metadata: (ManifestMeta | (Omit<ManifestMeta, 'name'> & { generateName: string })) & { name?: string }
}

/** RFC 7386 merge patch: null removes, lists are replaced whole. */
export type MergePatch = Record<string, unknown>

export interface PatchOptions {
  /** Precondition: ConflictError when the object has moved on. */
  resourceVersion?: string
}

export interface DeleteOptions {
  /** Seconds until a pod is killed; default: the pod's own. 0 = at once. */
  gracePeriodSeconds?: number
  /** Preconditions: ConflictError when they do not hold. */
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

export interface Cluster {
  create<T extends KubeObject>(kind: Kind<T>, object: NewObject<T>): Promise<T>
  get<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef): Promise<T | undefined>
  list<T extends KubeObject>(kind: Kind<T>, options?: CacheOptions): Promise<T[]>
  patch<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, patch: MergePatch, options?: PatchOptions): Promise<T>
  patchStatus<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, status: object, options?: PatchOptions): Promise<T>
  /** NotFoundError when it is not there. */
  delete<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, options?: DeleteOptions): Promise<void>
  /** Starts at once; the caller stops it. */
  cache<T extends KubeObject>(kind: Kind<T>, options?: CacheOptions): Cache<T>
  /** Best effort, repeats are counted on one Event object; never throws. */
  recordEvent(event: EventInput): Promise<void>
}
