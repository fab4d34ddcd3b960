/**
 * Names that cross process boundaries: API group, labels, annotations, headers, condition types.
 * Owns spelling only; who sets what is told where it is used.
 */
export const GROUP = 'dormouse.dev'
export const VERSION = 'v1alpha1'
export const API_VERSION = `${GROUP}/${VERSION}`

/** Labels of pods. `state` is one of PodState; the others are present once a pod is claimed. */
export const LABEL = {
  state: `${GROUP}/state`,
  runtime: `${GROUP}/runtime`,
  function: `${GROUP}/function`,
  revision: `${GROUP}/revision`,
  /** Hash of what the pod was made from, so that a changed Runtime is seen. */
  template: `${GROUP}/template`,
  /** On generic pods with more memory than others: MiB. */
  memory: `${GROUP}/memory`,
  /** On pods made for one function alone: what their container is, `runtime` or `image`. */
  own: `${GROUP}/own`,
  managedBy: 'app.kubernetes.io/managed-by',
} as const

export type PodState = 'generic' | 'claimed' | 'leaving'

export const ANNOTATION = {
  /** On Functions, by their users: any text; another one makes a new revision, whose pods replace the old ones. */
  restart: `${GROUP}/restart`,
  /** On pods whose ports are not the Runtime's defaults (local mode): `{"control":8079,"data":8080}`. */
  ports: `${GROUP}/ports`,
  /** On claimed pods that called home: `host controlPort dataPort`, for controllers they did not call. */
  contact: `${GROUP}/contact`,
  /** On claimed pods, RFC 3339 with milliseconds. */
  claimedAt: `${GROUP}/claimed-at`,
  /** On claimed pods: `true` when the runtime writes 102 before it executes. */
  acknowledges: `${GROUP}/acknowledges`,
  /** On the CRDs: hash of what they define, by which an installation is told from its definitions. */
  schema: `${GROUP}/schema`,
} as const

/** Names of the containers that functions run in: of a Runtime, or of an image of their own. */
export const CONTAINER = { runtime: 'runtime', image: 'function' } as const

export const DEFAULT_PORT = { control: 8079, data: 8080 } as const

/** What service-account tokens of data planes are made for. */
export const CONTROLLER_AUDIENCE = 'dormouse-controller'

/** HTTP headers between our processes. Everything that starts with HEADER_PREFIX is dropped when it comes from outside. */
export const HEADER_PREFIX = 'dormouse-'
export const HEADER = {
  key: 'dormouse-key',
  requestId: 'dormouse-request-id',
  deadline: 'dormouse-deadline-ms',
  error: 'dormouse-error',
  refused: 'dormouse-refused',
  /** On answers that are the last of their pod: whoever comes next goes elsewhere. */
  leaving: 'dormouse-leaving',
  report: 'dormouse-report',
  logType: 'dormouse-log-type',
  logResult: 'dormouse-log-result',
  signature: 'dormouse-signature',
  /** Beside the signature, of pods whose process this platform made itself. */
  secret: 'dormouse-secret',
  invocationType: 'dormouse-invocation-type',
  clientContext: 'dormouse-client-context',
  invokedArn: 'dormouse-invoked-arn',
  /** On asynchronous deliveries: the idempotency key and the number of the attempt, from 1. */
  deliveryId: 'dormouse-delivery-id',
  attempt: 'dormouse-attempt',
  /** On answers that woke a pod: `pod=…,specialize=…,init=…,wait=…,first-byte=…,total=…` in milliseconds. */
  coldStart: 'dormouse-cold-start',
} as const

/** Headers of records that Dormouse writes to event logs (docs/events.md). `*` first write wins, on every later hop. */
export const EVENT_HEADER = {
  /** * The user's idempotency key. */
  deliveryId: 'dormouse-delivery-id',
  /** The attempt this record is for; 1 when absent. */
  attempt: 'dormouse-attempt',
  /** Epoch milliseconds before which a record of a retry tier is not delivered. */
  due: 'dormouse-due',
  /** `namespace/name` of the Trigger or Function. */
  trigger: 'dormouse-trigger',
  /** Of a record in a retry tier: the uid of that one. One of the same name that was made later leaves it alone. */
  triggerUid: 'dormouse-trigger-uid',
  /** * Where the record was first read. */
  originTopic: 'dormouse-origin-topic',
  originPartition: 'dormouse-origin-partition',
  originOffset: 'dormouse-origin-offset',
  originTimestamp: 'dormouse-origin-timestamp',
  /** * Epoch milliseconds. */
  firstFailedAt: 'dormouse-first-failed-at',
  errorClass: 'dormouse-error-class',
  errorStatus: 'dormouse-error-status',
  errorMessage: 'dormouse-error-message',
  redriveCount: 'dormouse-redrive-count',
  /** Of a dead letter whose value is a batch that cannot be decoded, as it is stored, or a part of one: `2/3`. */
  batchFirstOffset: 'dormouse-batch-first-offset',
  batchLastOffset: 'dormouse-batch-last-offset',
  batchPart: 'dormouse-batch-part',
  /** Of one whose key and headers alone are too large: `record+json`, its value is all of the record as JSON, or a part of that. */
  batchContent: 'dormouse-batch-content',
} as const

export type RefusedReason = 'busy' | 'leaving' | 'not-specialized'
export type ErrorKind = 'handled' | 'unhandled' | 'timeout'

/** `namespace/name`: how objects are named in logs, feed and metrics. */
export type ObjectKey = `${string}/${string}`

/** Where an object is that names no namespace. */
export const DEFAULT_NAMESPACE = 'default'

export function objectKey(namespace: string, name: string): ObjectKey {
  return `${namespace}/${name}`
}

export function keyOf({ namespace = DEFAULT_NAMESPACE, name }: { namespace?: string; name: string }): ObjectKey {
  return objectKey(namespace, name)
}

/** `default/hello` → its two names. */
export function splitKey(key: ObjectKey): { namespace: string; name: string } {
  const slash = key.indexOf('/')
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}
