/** The shape every Kubernetes object has. Plain JSON only: dates are RFC 3339 strings. */
export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
  blockOwnerDeletion?: boolean
}

export interface ObjectMeta {
  name: string
  namespace?: string
  uid: string
  resourceVersion: string
  /** Counts changes of `spec`; absent on kinds without one. */
  generation?: number
  creationTimestamp: string
  deletionTimestamp?: string
  deletionGracePeriodSeconds?: number
  labels?: Record<string, string>
  annotations?: Record<string, string>
  ownerReferences?: OwnerReference[]
  finalizers?: string[]
}

export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
}

/** What a user writes: metadata without what the API server adds. */
export interface ManifestMeta {
  name: string
  namespace?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  ownerReferences?: OwnerReference[]
  finalizers?: string[]
}

export interface Condition {
  type: string
  status: 'True' | 'False' | 'Unknown'
  /** CamelCase word, stable; part of the API. */
  reason: string
  /** One sentence for humans. */
  message: string
  /** RFC 3339; moves only when `status` flips. */
  lastTransitionTime: string
  observedGeneration?: number
}
