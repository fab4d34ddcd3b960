/**
 * Replay of dead letters: lists them, puts chosen ones back into the way to their function, or gives them up. They go to the first retry
 * tier, due at once, never to the source, where other groups would see them. What was replayed or given up is remembered in the commit of
 * a group of its own: progress survives a crash, at least once. Nothing is deleted; the topic's retention does that.
 */
import type { Clock } from '../../lib/clock.ts'
import { pause } from '../../lib/pause.ts'
import type { CommittedOffset, Consumer, EventLog, LogRecord } from '../event-log.ts'
import { hopHeaders } from '../record-headers.ts'
import { OffsetTracker } from '../offset-tracker.ts'
import { readToEnd } from '../read-topic.ts'
import { tierDelays } from '../retry-policy.ts'
import type { RetryPolicy } from '../subscription.ts'
import { deadLetterTopic, redriveGroup, retryTopic, type TopicOwner } from '../topic-names.ts'
import { deadLetterOf, fits, type DeadLetter, type DeadLetterFilter } from './dead-letters.ts'

export interface ReplayOptions {
  log: EventLog
  clock: Clock
  /** Epoch milliseconds. */
  now: () => number
  owner: TopicOwner & { retry: Pick<RetryPolicy, 'backoff' | 'maxAttempts'> }
}

export interface ReplayRequest {
  filter: DeadLetterFilter
  /** Say what would be done, and do nothing. */
  dryRun?: boolean
  ratePerSecond?: number
  signal?: AbortSignal
}

export interface ReplayResult {
  matched: number
  moved: number
  refused: { id: string; reason: string }[]
}

/** More often, and something is wrong that replaying does not mend. */
const MAX_REDRIVES = 10
const COMMIT_EVERY = 100

export class Replay {
  readonly #options: ReplayOptions

  constructor(options: ReplayOptions) {
    this.#options = options
  }

  /** Those that were neither replayed nor given up, oldest first in each partition. */
  async list(filter: DeadLetterFilter, limit: number): Promise<DeadLetter[]> {
    const found: DeadLetter[] = []
    await this.#each(filter, {}, async (letter) => {
      if (found.length < limit) found.push(letter)
      return false
    })
    return found
  }

  async redrive(request: ReplayRequest): Promise<ReplayResult> {
    const { owner, log, clock, now } = this.#options
    const topic = retryTopic(owner, tierDelays(owner.retry)[0] ?? 0)
    if (request.dryRun !== true) await this.#ensureTier(topic)
    const waitMs = request.ratePerSecond === undefined ? 0 : 1_000 / request.ratePerSecond
    return this.#move(request, async ({ record, meta }) => {
      if (meta.redriveCount >= MAX_REDRIVES) return `it was replayed ${meta.redriveCount} times already`
      const { failure, firstFailedAtMs, ...kept } = meta
      const again = { ...kept, attempt: 1, dueMs: now(), redriveCount: meta.redriveCount + 1 }
      const headers = hopHeaders(record.headers, again, owner.key)
      await log.send([{ topic, key: record.key, value: record.value, headers }])
      if (waitMs > 0) await pause(clock, waitMs, request.signal)
      return undefined
    })
  }

  /** They are not listed any more, and are not replayed. */
  purge(request: ReplayRequest): Promise<ReplayResult> {
    return this.#move(request, async () => undefined)
  }

  /** `move` says why it refuses one. */
  async #move(
    request: ReplayRequest,
    move: (letter: DeadLetter) => Promise<string | undefined>,
  ): Promise<ReplayResult> {
    const result: ReplayResult = { matched: 0, moved: 0, refused: [] }
    await this.#each(request.filter, request, async (letter) => {
      result.matched++
      if (request.dryRun === true) return false
      const reason = await move(letter)
      if (reason === undefined) result.moved++
      else result.refused.push({ id: letter.id, reason })
      return reason === undefined
    })
    return result
  }

  /** `handle` returns true when the letter is done with. */
  async #each(
    filter: DeadLetterFilter,
    { signal }: { signal?: AbortSignal },
    handle: (letter: DeadLetter) => Promise<boolean>,
  ): Promise<void> {
    const { log, owner } = this.#options
    const marks = new Marks()
    let unsaved = 0
    /** One letter at a time, whatever partition it is in: that is what a rate means. */
    let turn = Promise.resolve()
    const work = async (records: readonly LogRecord[], consumer: Consumer) => {
      for (const record of records) {
        signal?.throwIfAborted()
        if (!marks.track(record)) continue
        const letter = deadLetterOf(record)
        if (!fits(letter, filter) || !(await handle(letter))) continue
        marks.done(record)
        if (++unsaved % COMMIT_EVERY === 0) await consumer.commit(marks.commits())
      }
    }
    await readToEnd({
      ...{ log, topics: [deadLetterTopic(owner)], group: redriveGroup(owner), ...(signal && { signal }) },
      onAssigned: (assignment) => marks.assigned(assignment),
      onRecords: (records, consumer) => (turn = turn.then(() => work(records, consumer))),
      beforeClose: async (consumer) => (unsaved > 0 ? consumer.commit(marks.commits()) : undefined),
    })
  }

  async #ensureTier(topic: string): Promise<void> {
    const { log, owner } = this.#options
    const [letters] = await log.describe([deadLetterTopic(owner)])
    if (letters !== undefined)
      await log.ensureTopics([{ topic, partitions: letters.partitions, retentionMs: letters.retentionMs }])
  }
}

/** What was done before, by partition. */
class Marks {
  readonly #trackers = new Map<number, OffsetTracker>()
  #topic = ''

  assigned({
    topic,
    partition,
    position,
    metadata,
  }: {
    topic: string
    partition: number
    position: number
    metadata: string
  }): void {
    this.#topic = topic
    this.#trackers.set(partition, new OffsetTracker(position, metadata))
  }

  /** False: done with before. */
  track({ partition, offset }: LogRecord): boolean {
    return this.#trackers.get(partition)?.track(offset) ?? false
  }

  done({ partition, offset }: LogRecord): void {
    this.#trackers.get(partition)?.done(offset)
  }

  commits(): CommittedOffset[] {
    return [...this.#trackers].map(([partition, tracker]) => ({
      ...{ topic: this.#topic, partition },
      offset: tracker.lowWater,
      metadata: tracker.encode(),
    }))
  }
}
