import type { ObjectKey } from '../../api/names.ts'
import type { ActivationRequest } from '../../api/protocol.ts'

/** A queue reported longer ago has been served or has asked again. */
const FRESH_MS = 2_000

export interface ReportedQueue {
  reporter: string
  queued: number
  atMs: number
  epoch?: string | undefined
  version?: number | undefined
  staleMs?: number | undefined
}

/** Per function the latest queue of each data plane that asked. */
export class DemandBook {
  readonly #queues = new Map<ObjectKey, Map<string, ReportedQueue>>()

  /** Notes what was asked and gives back all that is fresh for that function. */
  note(request: ActivationRequest, nowMs: number): ReportedQueue[] {
    const { function: key, reporter, queued, epoch, version, staleMs } = request
    const queues = this.#queues.get(key) ?? new Map<string, ReportedQueue>()
    queues.set(reporter, { reporter, queued, atMs: nowMs, epoch, version, staleMs })
    for (const [other, { atMs }] of queues) if (atMs < nowMs - FRESH_MS) queues.delete(other)
    this.#queues.set(key, queues)
    return [...queues.values()]
  }

  forget(key: ObjectKey): void {
    this.#queues.delete(key)
  }
}
