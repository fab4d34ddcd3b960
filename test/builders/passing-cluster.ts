import type { Cluster } from '../../kube/cluster.ts'

/** A cluster by another object: for tests that replace one of its calls. */
export function passing(cluster: Cluster): Cluster {
  return {
    create: (kind, object) => cluster.create(kind, object),
    get: (kind, ref) => cluster.get(kind, ref),
    list: (kind, options) => cluster.list(kind, options),
    patch: (...args) => cluster.patch(...args),
    patchStatus: (...args) => cluster.patchStatus(...args),
    patchSubresource: (...args) => cluster.patchSubresource(...args),
    apply: (kind, object, options) => cluster.apply(kind, object, options),
    delete: (kind, ref, options) => cluster.delete(kind, ref, options),
    cache: (kind, options) => cluster.cache(kind, options),
    recordEvent: (event) => cluster.recordEvent(event),
  }
}
