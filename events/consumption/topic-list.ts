/**
 * Which topics there are, looked up once for all consumptions of a dispatcher: each asks when it begins and every minute, and brokers take a
 * fifth of a second for a thousand topics.
 */
import type { Clock } from '../../lib/clock.ts'
import type { EventLog } from '../event-log.ts'

export interface TopicListOptions {
  log: Pick<EventLog, 'describe'>
  clock: Clock
}

interface Looked {
  askedMs: number
  names: Promise<readonly string[]>
}

export class TopicList {
  readonly #options: TopicListOptions
  #looked: Looked | undefined

  constructor(options: TopicListOptions) {
    this.#options = options
  }

  /** As they were at most so long ago. Throws EventLogError. */
  names(maxAgeMs: number): Promise<readonly string[]> {
    const nowMs = this.#options.clock.now()
    if (this.#looked === undefined || nowMs - this.#looked.askedMs > maxAgeMs) this.#looked = this.#look(nowMs)
    return this.#looked.names
  }

  /** One was made here. */
  forget(): void {
    this.#looked = undefined
  }

  #look(askedMs: number): Looked {
    const names = this.#options.log.describe().then((topics) => topics.map(({ topic }) => topic))
    const looked = { askedMs, names }
    names.catch(() => {
      if (this.#looked === looked) this.#looked = undefined
    })
    return looked
  }
}
