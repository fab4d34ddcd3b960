/**
 * What the rest of the controller sees of pods. The fleet owns their life: pool or new, phone home, specialize, labels, drain, delete.
 * It decides nothing about how many there should be: functions/ (rollout, scale) and activation/ (wake-ups) do.
 */
import type { FunctionSpec } from '../../api/function.ts'
import type { ErrorObject, FeedEndpoint } from '../../api/protocol.ts'
import type { ObjectKey } from '../../api/names.ts'
import type { Toleration } from '../../api/placement.ts'

/** All that pods of one revision are made from; stored as a ControllerRevision so that it outlives changes of the Function. */
export interface RevisionTemplate {
  function: { namespace: string; name: string; uid: string }
  /** Hash of the fields below. */
  revision: string
  /** Epoch seconds, about when it was stored; tells revisions of one second apart. Not hashed. */
  storedAt?: number
  /** Name of the Runtime; absent when the function is an image of its own. */
  runtime?: string
  /** Container image of its own, that serves HTTP and knows nothing of the platform. */
  image?: string
  handler: string
  signature: FunctionSpec['signature']
  files: Record<string, string>
  /** Kept in objects of its own instead of `files`: code/code-store.ts has it by this digest. */
  code?: { digest: string }
  env: Record<string, string>
  timeoutMs: number
  concurrency: number
  memoryMb: number
  /** Environment variables the kubelet resolves: the controller never sees their values. */
  secretEnv?: SecretVariable[]
  configMapEnv?: ConfigMapVariable[]
  /** What the Function's annotation says: another text is another revision, and so are its pods. */
  restart?: string
  serviceAccountName?: string
  /** Of its container; absent: those that pods of pools are born with. */
  resources?: ContainerResources
  /** Beside its Runtime's. */
  nodeSelector?: Record<string, string>
  tolerations?: Toleration[]
}

export interface SecretVariable {
  name: string
  secret: string
  key: string
  optional?: boolean
}

export interface ConfigMapVariable {
  name: string
  configMap: string
  key: string
  optional?: boolean
}

/** As in a container: quantities. */
export interface ContainerResources {
  requests: { cpu: string; memory: string }
  limits: { cpu: string; memory: string }
}

/** starting: claimed, not yet answering · ready: answers for its function · leaving: gets no new work, will be deleted. */
export type FleetPodPhase = 'starting' | 'ready' | 'leaving'

export interface FleetPod {
  uid: string
  name: string
  namespace: string
  function: ObjectKey
  revision: string
  phase: FleetPodPhase
  createdAtMs: number
  /** When it was claimed for the function. */
  claimedAtMs: number
  /** True: another controller claimed it, or this one before it was started afresh. */
  isForeign?: boolean
  readyAtMs?: number
  /** Why it does not come up for now: it starts, but nobody should wait for it. */
  stuck?: string
  /** Why it ended or was given up, as a clause; only while it is leaving. */
  ended?: string
  /** Present from `ready` on. */
  endpoint?: FeedEndpoint
  /** How it came to be; absent when another controller process started it. */
  startup?: Startup
}

/** Milliseconds per phase of a start: waiting for a pod (0 from the pool), POST /specialize, loading code (part of specializeMs). */
export interface Startup {
  source: 'pool' | 'new'
  podMs: number
  specializeMs: number
  initMs: number
}

export interface StartedPod extends Startup {
  pod: FleetPod
}

/** The user's code did not load: `error` is Lambda's error object. The pod is spent and being deleted. */
export class CodeLoadError extends Error {
  override readonly name = 'CodeLoadError'
  readonly code = 'code-load-failed'
  readonly error: ErrorObject
  /** Names of its files, when they are not in the revision. */
  readonly files: readonly string[] | undefined

  constructor(error: ErrorObject, files?: readonly string[]) {
    super(`${error.errorType}: ${error.errorMessage}`)
    this.error = error
    this.files = files
  }
}

/** No pod could be had (runtime unknown, process ended, time ran out): the platform's fault or a missing Runtime, not the code's. */
export class PodStartError extends Error {
  override readonly name = 'PodStartError'
  readonly code: 'runtime-missing' | 'start-failed' | 'start-timeout' | 'stopped' | 'namespace-ending'

  constructor(code: PodStartError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }

  /** Its Function is about to go, and whatever is said of it. */
  static isExpected(error: unknown): boolean {
    return error instanceof PodStartError && error.code === 'namespace-ending'
  }
}

/** Code that is not in the revision, packed as pods take it. */
export interface CodeSupply {
  /** At once what is at hand. Throws PodStartError. */
  fetch(template: RevisionTemplate): Promise<Buffer>
  /** Of its files, for messages. */
  fileNames(packed: Buffer): Promise<string[]>
}

export interface Fleet {
  /** Pods of a function, all revisions and phases, oldest first. */
  pods(functionKey: ObjectKey): FleetPod[]
  /**
   * start() calls of a revision that have no pod in pods() yet. Counted from the call on, synchronously: who decides how many pods
   * to start adds it, so that a wake-up and a scale-up at the same moment do not both start the same pod.
   */
  pendingStarts(functionKey: ObjectKey, revision: string): number
  /**
   * Starts one pod of the revision, from the pool when one waits, else new. Settles when it answers for its function.
   * Throws CodeLoadError, PodStartError. A pod that dies while being specialized is replaced once by another before it throws.
   */
  start(template: RevisionTemplate): Promise<StartedPod>
  /** Takes it out of the feed at once, deletes it once data planes have seen that (or after 2 s) and lets it finish what runs. */
  retire(podUid: string, reason: string): void
  /** Starts that failed, whoever asked for them; not those that were no longer wanted. Told before who asked knows. Returns the unsubscribe. */
  onStartFailed(listener: (template: RevisionTemplate, error: unknown) => void): () => void
  /** Resolves when other controllers can know, by their labels, of the pods that are ready here, or after a while. */
  labelled(functionKey: ObjectKey): Promise<void>
  /** Functions whose pods changed (claimed, ready, gone, failed). Returns the unsubscribe. */
  onChange(listener: (functionKey: ObjectKey) => void): () => void
}
