/**
 * Replay of dead letters: lists them, puts chosen ones back into the way to their function, or gives them up. They go to the first retry
 * tier, due at once, never to the source, where other groups would see them. What was replayed or given up is remembered in the commit of
 * a group of its own: progress survives a crash, at least once. Nothing is deleted; the topic's retention does that.
 */
import { randomUUID } from 'node:crypto'
import type { Clock } from '../../lib/clock.ts'
import { errorText } from '../../lib/error-text.ts'
import { pause } from '../../lib/pause.ts'
import { isTooLarge, type EventLog, type LogRecord } from '../event-log.ts'
import { hopHeaders, type RecordMeta } from '../record-headers.ts'
import { readToEnd, type TopicReader } from '../read-topic.ts'
import { tierDelays } from '../retry-policy.ts'
import type { RetryPolicy } from '../subscription.ts'
import { deadLetterTopic, redriveGroup, retryTopic, type TopicOwner } from '../topic-names.ts'
import { deadLetterOf, fits, type DeadLetter, type DeadLetterFilter } from './dead-letters.ts'
import { Marks } from './marks.ts'

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
  /** Also those that were replayed or given up before. */
  again?: boolean
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
const TOO_FAR =
  'so many before it were neither replayed nor purged that it could not be remembered: replay or purge those first'

const NO_RECORD =
  'it is a batch that could not be decoded: its bytes are kept as they are, and cannot be replayed as records'

/** Why it cannot be replayed. */
function noRecordIn({ undecodable }: LogRecord, { batch, failure }: RecordMeta): string | undefined {
  if (undecodable !== undefined || (batch !== undefined && failure?.class === 'decode')) return NO_RECORD
  return batch && `it is part ${batch.part} of ${batch.parts} of a record that is too large for one dead letter`
}

/** Those behind it must not wait for it: it will be refused again. */
async function refusalOf(sending: Promise<unknown>): Promise<string | undefined> {
  try {
    await sending
    return undefined
  } catch (error) {
    if (!isTooLarge(error)) throw error
    return `the retry tier does not take it: ${errorText(error)}`
  }
}

/** Says why it refuses one. */
type Move = (letter: DeadLetter) => Promise<string | undefined>

export class Replay {
  readonly #options: ReplayOptions

  constructor(options: ReplayOptions) {
    this.#options = options
  }

  /** Those that were neither replayed nor given up, oldest first in each partition. */
  async list(filter: DeadLetterFilter, limit: number): Promise<DeadLetter[]> {
    const found: DeadLetter[] = []
    if (limit <= 0) return found
    await this.#look({ filter }, (letter, reader) => {
      if (found.length < limit) found.push(letter)
      if (found.length === limit) reader.stop()
    })
    return found
  }

  async redrive(request: ReplayRequest): Promise<ReplayResult> {
    const { owner, log, clock, now } = this.#options
    const topic = retryTopic(owner, tierDelays(owner.retry)[0] ?? 0)
    const waitMs = request.ratePerSecond === undefined ? 0 : 1_000 / request.ratePerSecond
    if (request.dryRun !== true) await this.#ensureTier(topic)
    return this.#run(request, async ({ record, meta }) => {
      const missing = noRecordIn(record, meta)
      if (missing !== undefined) return missing
      if (meta.redriveCount >= MAX_REDRIVES) return `it was replayed ${meta.redriveCount} times already`
      const { failure, firstFailedAtMs, ...kept } = meta
      const again = { ...kept, attempt: 1, dueMs: now(), redriveCount: meta.redriveCount + 1 }
      const headers = hopHeaders(record.headers, again, owner.key)
      const refusal = await refusalOf(log.send([{ topic, key: record.key, value: record.value, headers }]))
      if (refusal !== undefined) return refusal
      if (waitMs > 0) await pause(clock, waitMs, request.signal)
      return undefined
    })
  }

  /** They are not listed any more, and are not replayed. */
  purge(request: ReplayRequest): Promise<ReplayResult> {
    return this.#run(request, async () => undefined)
  }

  async #run(request: ReplayRequest, move: Move): Promise<ReplayResult> {
    const result: ReplayResult = { matched: 0, moved: 0, refused: [] }
    if (request.dryRun === true) await this.#look(request, () => void result.matched++)
    else await this.#move(request, { result, move })
    return result
  }

  /** In a group of its own kind, so that whoever looks is in nobody's way. */
  async #look(
    { filter, again, signal }: ReplayRequest,
    see: (letter: DeadLetter, reader: TopicReader) => void,
  ): Promise<void> {
    const { log, owner } = this.#options
    const marks = new Marks()
    for (const { offset, metadata, ...partition } of await log.committed(redriveGroup(owner), [deadLetterTopic(owner)]))
      marks.begin({ ...partition, position: offset, metadata })
    await readToEnd({
      ...{ log, topics: [deadLetterTopic(owner)], group: `${redriveGroup(owner)}.${randomUUID()}` },
      ...(signal && { signal }),
      onAssigned: (assignment) => marks.beginUnknown(assignment),
      onRecords: (records, reader) => {
        for (const record of records) {
          const isNew = marks.track(record)
          const letter = deadLetterOf(record)
          if ((isNew || again === true) && fits(letter, filter)) see(letter, reader)
        }
      },
    })
  }

  /** One letter at a time, whatever partition it is in: that is what a rate means. */
  async #move(request: ReplayRequest, { result, move }: { result: ReplayResult; move: Move }): Promise<void> {
    const { log, owner } = this.#options
    const { signal, again = false } = request
    const marks = new Marks()
    let turn = Promise.resolve()
    await readToEnd({
      ...{ log, topics: [deadLetterTopic(owner)], group: redriveGroup(owner), fromBeginning: again },
      ...(signal && { signal }),
      onAssigned: (assignment) => marks.begin(assignment),
      onRecords: (records, reader) =>
        (turn = turn.then(() => moveAll(records, { request, marks, result, move, reader }))),
      onRevoked: async (partitions, consumer) => {
        const commits = marks.commits(partitions)
        if (commits.length > 0) await consumer.commit(commits)
        marks.forget(partitions)
      },
    })
  }

  async #ensureTier(topic: string): Promise<void> {
    const { log, owner } = this.#options
    const [letters] = await log.describe([deadLetterTopic(owner)])
    if (letters !== undefined)
      await log.ensureTopics([{ topic, partitions: letters.partitions, retentionMs: letters.retentionMs }])
  }
}

interface Moving {
  request: ReplayRequest
  marks: Marks
  result: ReplayResult
  move: Move
  reader: TopicReader
}

async function moveAll(records: readonly LogRecord[], moving: Moving): Promise<void> {
  const { request, marks, result, reader } = moving
  for (const record of records) {
    request.signal?.throwIfAborted()
    if (!reader.isOurs(record)) return
    const isNew = marks.track(record)
    const letter = deadLetterOf(record)
    if ((!isNew && request.again !== true) || !fits(letter, request.filter)) continue
    result.matched++
    const reason = isNew && !marks.mayMark(record) ? TOO_FAR : await moving.move(letter)
    if (reason !== undefined) {
      result.refused.push({ id: letter.id, reason })
      continue
    }
    marks.mark(record)
    if (++result.moved % COMMIT_EVERY === 0) await reader.consumer.commit(marks.commits())
  }
}
