import type { KubeObject } from '../../api/object.ts'

/**
 * Where a memory cluster keeps the kinds that must outlive the process. Called synchronously before a write shows anywhere:
 * what throws here has not happened.
 */
export interface Persistence {
  /** What was put and not removed, and the highest resourceVersion ever seen. */
  load(): { objects: KubeObject[]; resourceVersion: number }
  /** Inserts, or replaces what has the same apiVersion, kind, namespace and name. */
  put(object: KubeObject): void
  /** The last state; its resourceVersion is the deletion's. */
  remove(object: KubeObject): void
}
