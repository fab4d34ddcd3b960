/**
 * Wakes a function: turns "someone waits and no slot is free" into activations, at most one in flight per function, each with the
 * true queue length. Promises that waiters of a function that cannot run hear why; leaves their deadlines to them.
 */
import { activationAnswerSchema, type ActivationAnswer, type ActivationRequest } from '../api/protocol.ts'
import { backoffMs } from '../lib/backoff.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import type { ControllerClient } from './controller-client.ts'
import type { Lane } from './lane.ts'
import { ProblemError, problemOf } from './problems.ts'

export type ActivationOutcome = ActivationAnswer['outcome'] | 'unreachable'

export interface WakerOptions {
  controllers: Pick<ControllerClient, 'order' | 'post'>
  clock: Clock
  logger: Logger
  reporter: string
  /** Feed position at the time of asking. */
  position(): Pick<ActivationRequest, 'epoch' | 'version' | 'staleMs'>
  /** Runs a function once the requests that arrived together are all queued; default: after this turn of the event loop. */
  defer?: (run: () => void) => void
  onActivation?: (outcome: ActivationOutcome, durationMs: number) => void
}

/** How long the controller may take before the question is put again. */
const ASK_MS = 10_000
/** Between two questions while everything is at capacity. */
const REASK_MS = 1_000
/** After an answer that helped nobody. */
const NO_PROGRESS_MS = 250
const RETRY = { firstMs: 100, longestMs: 2_000 }
/** A new leader is there by then; who waits longer for a controller should hear so and try again. */
const UNREACHABLE_LIMIT_MS = 10_000

export class Waker {
  readonly #lane: Lane
  readonly #options: WakerOptions
  #state: 'idle' | 'scheduled' | 'asking' | 'pausing' = 'idle'
  #failures = 0
  #stopped = new AbortController()
  /** When no controller answered for the first time since one last did. */
  #unreachableSinceMs: number | undefined

  constructor(lane: Lane, options: WakerOptions) {
    this.#lane = lane
    this.#options = options
  }

  /** Why waiters still wait, for the answer they get when their time is up. */
  get reason(): string {
    if (this.#unreachableSinceMs !== undefined) return 'the controller cannot be reached'
    return this.#lane.podCount >= this.#lane.fn.maxPods
      ? `all ${this.#lane.podCount} pods were busy`
      : 'no pod became free or ready'
  }

  shortage(): void {
    if (this.#state !== 'idle' || !this.#wanted()) return
    this.#state = 'scheduled'
    const defer = this.#options.defer ?? setImmediate
    defer(() => void this.#ask())
  }

  stop(): void {
    this.#stopped.abort()
  }

  #wanted(): boolean {
    const lane = this.#lane
    return !lane.closed && !this.#stopped.signal.aborted && lane.queued > 0 && lane.podCount < lane.fn.maxPods
  }

  async #ask(): Promise<void> {
    if (!this.#wanted()) {
      this.#state = 'idle'
      return
    }
    this.#state = 'asking'
    const startedMs = this.#options.clock.now()
    const answer = await this.#askReplicas()
    this.#state = 'idle'
    // Cut short because the function is gone: nobody was unreachable, and what is counted of it is forgotten already.
    if (this.#stopped.signal.aborted) return
    this.#options.onActivation?.(answer?.outcome ?? 'unreachable', this.#options.clock.now() - startedMs)
    this.#failures = answer === undefined ? this.#failures + 1 : 0
    this.#unreachableSinceMs = answer === undefined ? (this.#unreachableSinceMs ?? startedMs) : undefined
    this.#handle(answer)
  }

  #handle(answer: ActivationAnswer | undefined): void {
    if (answer === undefined) return this.#nobodyAnswered()
    switch (answer.outcome) {
      case 'endpoint': {
        const phases = answer.source === 'warm' ? undefined : answer.phases
        const served = this.#lane.offer(answer.endpoint, phases)
        return served > 0 ? this.shortage() : this.#pause(NO_PROGRESS_MS)
      }
      case 'at-capacity':
        return this.#pause(REASK_MS)
      case 'failed':
        // With pods there is still something to wait for: a slot.
        return this.#lane.podCount > 0 ? this.#pause(REASK_MS) : this.#lane.rejectAll(problemOf(answer))
    }
  }

  /** With pods nobody is failed either. */
  #nobodyAnswered(): void {
    const lane = this.#lane
    const outageMs = this.#options.clock.now() - (this.#unreachableSinceMs ?? Infinity)
    if (outageMs >= UNREACHABLE_LIMIT_MS && lane.podCount === 0) {
      lane.rejectAll(new ProblemError('cannot-wake', `${lane.key} sleeps and ${this.reason}`))
    }
    this.#pause(backoffMs(this.#failures, RETRY))
  }

  #pause(delayMs: number): void {
    if (!this.#wanted()) return
    this.#state = 'pausing'
    this.#options.clock.after(delayMs, () => {
      this.#state = 'idle'
      this.shortage()
    })
  }

  /** Undefined when no replica answers. */
  async #askReplicas(): Promise<ActivationAnswer | undefined> {
    for (const url of this.#options.controllers.order(this.#lane.key)) {
      const answer = await this.#askReplica(url)
      if (answer !== undefined || this.#stopped.signal.aborted) return answer
    }
    return undefined
  }

  async #askReplica(url: string): Promise<ActivationAnswer | undefined> {
    const lane = this.#lane
    if (lane.queued === 0) return { outcome: 'at-capacity' }
    const request: ActivationRequest = {
      function: lane.key,
      reporter: this.#options.reporter,
      queued: lane.queued,
      inFlight: lane.inFlight,
      ...this.#options.position(),
      waitMs: ASK_MS,
    }
    const options = { body: request, timeoutMs: ASK_MS + 1_000, signal: this.#stopped.signal, untilSilent: true }
    try {
      return activationAnswerSchema.parse(await this.#options.controllers.post(url, '/v1/activations', options))
    } catch (error) {
      if (!this.#stopped.signal.aborted)
        this.#options.logger.warn('activation failed', { function: lane.key, controller: url, error })
      return undefined
    }
  }
}
