/** Remembers for a short, growing time that a revision could not be started, so that a storm of wake-ups does not burn pods. */
import type { ObjectKey } from '../../api/names.ts'
import type { ActivationAnswer } from '../../api/protocol.ts'
import { backoffMs } from '../../lib/backoff.ts'
import { CodeLoadError, PodStartError, type RevisionTemplate } from '../fleet/fleet.ts'
import { describeLoadError } from '../functions/fate.ts'

export interface StartFailure {
  revision: string
  /** The code itself does not load: pods that still start will not do better. */
  final: boolean
  code: string
  message: string
  attempts: number
  atMs: number
  untilMs: number
}

const CODE_BACKOFF = { firstMs: 5_000, longestMs: 60_000 }
const START_BACKOFF = { firstMs: 500, longestMs: 10_000 }
/** Trouble this long ago is another trouble. */
const FORGET_AFTER_MS = 180_000

export interface FailedStart {
  template: Pick<RevisionTemplate, 'revision' | 'files'>
  error: unknown
  nowMs: number
}

/** Pure: the failure to remember after `previous`. */
export function nextFailure(input: FailedStart & { previous: StartFailure | undefined }): StartFailure {
  const { template, error, previous, nowMs } = input
  const { revision } = template
  const isSame = previous?.revision === revision && nowMs - previous.atMs < FORGET_AFTER_MS
  // Pods that were started together fail together: that is one failure.
  const attempts = isSame ? previous.attempts + (nowMs >= previous.untilMs ? 1 : 0) : 1
  const final = error instanceof CodeLoadError
  return {
    revision,
    final,
    code: final ? error.code : 'cannot-wake',
    message: messageOf(error, template.files),
    attempts,
    atMs: nowMs,
    untilMs: nowMs + backoffMs(attempts, final ? CODE_BACKOFF : START_BACKOFF),
  }
}

function messageOf(error: unknown, files: RevisionTemplate['files']): string {
  if (error instanceof CodeLoadError)
    return `the code does not load: ${describeLoadError(error.error, error.files ?? Object.keys(files))}`
  if (error instanceof PodStartError) return error.message
  return error instanceof Error ? `no pod could be started: ${error.message}` : String(error)
}

export function failedAnswer({ code, message, untilMs }: StartFailure, nowMs: number): ActivationAnswer {
  return { outcome: 'failed', code, message, retryAfterMs: Math.max(1, Math.ceil(untilMs - nowMs)) }
}

export class FailureBook {
  readonly #failures = new Map<ObjectKey, StartFailure>()

  /** The failure that still counts for this revision. */
  current(key: ObjectKey, revision: string, nowMs: number): StartFailure | undefined {
    const failure = this.#failures.get(key)
    return failure?.revision === revision && failure.untilMs > nowMs ? failure : undefined
  }

  failed(key: ObjectKey, failure: FailedStart): StartFailure {
    const next = nextFailure({ ...failure, previous: this.#failures.get(key) })
    this.#failures.set(key, next)
    return next
  }

  forget(key: ObjectKey): void {
    this.#failures.delete(key)
  }
}
