/** Starts pods without waiting for them and remembers how each start went; the next reconcile decides from that. */
import type { ObjectKey } from '../../api/names.ts'
import type { ErrorObject } from '../../api/protocol.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import { CodeLoadError, PodStartError } from '../fleet/fleet.ts'
import type { Fleet, RevisionTemplate } from '../fleet/fleet.ts'
import { describeLoadError } from './fate.ts'
import type { FunctionMemory } from './function-memory.ts'
import { errorText } from '../../lib/error-text.ts'

export interface PodStartsOptions {
  fleet: Pick<Fleet, 'start'>
  clock: Clock
  logger: Logger
  /** Identity of a Runtime as it is now; empty when it does not exist, and for images that need none. */
  runtimeIdentity: (name: string | undefined) => string
  /** Something was learned: look at the Function again. */
  changed: (key: ObjectKey) => void
  warn: (key: ObjectKey, reason: 'RolloutFailed' | 'StartFailed', message: string) => void
}

export class PodStarts {
  readonly #options: PodStartsOptions

  constructor(options: PodStartsOptions) {
    this.#options = options
  }

  /** Settles when the pod answers or failed to; never rejects. */
  async start(memory: FunctionMemory, template: RevisionTemplate): Promise<void> {
    const { fleet, runtimeIdentity, changed } = this.#options
    const runtime = runtimeIdentity(template.runtime)
    try {
      await fleet.start(template)
      memory.started(template.revision)
    } catch (error) {
      if (error instanceof CodeLoadError)
        this.loadFailed(memory, template, { error: error.error, files: error.files, runtime })
      else this.#startFailed(memory, template, error)
    }
    changed(memory.key)
  }

  /**
   * Code that has never loaded is broken until spec or Runtime change. Code that has loaded before met a passing trouble (a module that
   * reaches out while it loads): it stays good, and the start is tried again later.
   */
  loadFailed(
    memory: FunctionMemory,
    template: RevisionTemplate,
    failure: { error: ErrorObject; files?: readonly string[] | undefined; runtime?: string },
  ): void {
    const { runtimeIdentity, clock, logger, warn } = this.#options
    const { revision, files } = template
    const reason = describeLoadError(failure.error, failure.files ?? Object.keys(files))
    const known = memory.fates.get(revision)
    if (known?.kind === 'loads')
      return memory.fail(revision, {
        kind: 'start',
        message: `its code did not load this time: ${reason}`,
        nowMs: clock.now(),
      })
    const runtime = failure.runtime ?? runtimeIdentity(template.runtime)
    if (known?.kind === 'broken' && known.runtime === runtime) return
    const message = `Revision ${revision} does not load: ${reason}`
    memory.fates.set(revision, { kind: 'broken', message, runtime })
    logger.info('code does not load', { function: memory.key, revision, reason })
    warn(memory.key, 'RolloutFailed', message)
  }

  #startFailed(memory: FunctionMemory, { revision }: RevisionTemplate, error: unknown): void {
    // Somebody retired it while it started: that is what was wanted.
    if (error instanceof PodStartError && error.code === 'stopped') return
    const { clock, logger, warn } = this.#options
    const message = errorText(error)
    memory.fail(revision, { kind: 'start', message, nowMs: clock.now() })
    if (PodStartError.isExpected(error)) return
    logger.warn('a pod does not start', { function: memory.key, revision, error })
    warn(memory.key, 'StartFailed', `No pod of revision ${revision} comes up: ${message}`)
  }
}
