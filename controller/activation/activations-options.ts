import type { ObjectKey } from '../../api/names.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Metrics } from '../../lib/metrics.ts'
import type { Feed } from '../feed/feed.ts'
import type { CodeLoadError, Fleet } from '../fleet/fleet.ts'
import type { FunctionEvents } from '../fleet/function-events.ts'
import type { ServingBook } from '../functions/serving.ts'

export interface ActivationsOptions {
  serving: ServingBook
  fleet: Pick<Fleet, 'pods' | 'pendingStarts' | 'start' | 'onChange' | 'onStartFailed'>
  feed: Pick<Feed, 'epoch' | 'addedAt'>
  events: FunctionEvents
  clock: Clock
  logger: Logger
  metrics: Metrics
  /** How long after a wake-up its Event is written. */
  afterWakeMs: number
  /** A wake-up needs this many pods of the serving revision in all. Called in the same step as the starts. */
  onWish: (key: ObjectKey, pods: number) => void
  /** The code of a serving revision did not load. */
  onLoadFailure?: (key: ObjectKey, revision: string, error: CodeLoadError) => void
}
