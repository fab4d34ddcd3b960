/** Deletes what is older than its topic keeps, and what deleted topics leave behind, in slices of a few milliseconds off the hot path. */
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Database, Statement } from '../../lib/sqlite/database.ts'
import type { PartitionState, Topics } from './topics.ts'
import type { Writer } from './writer.ts'

const EVERY_MS = 60_000
/** What one transaction deletes: a few milliseconds' work. */
const SLICE = 500
const SLICE_BYTES = 1024 * 1024

export interface RetentionOptions {
  database: Database
  writer: Writer
  topics: Topics
  /** Of invocations in the ledger. */
  ledgerRetentionMs: number
  clock: Clock
  /** Epoch milliseconds. */
  now: () => number
  logger: Logger
}

export class Retention {
  readonly #options: RetentionOptions
  readonly #oldest: Statement
  readonly #deleteUpTo: Statement
  readonly #nextTopic: Statement
  readonly #nextPartition: Statement
  readonly #deleteInvocations: Statement
  #cancel: (() => void) | undefined
  #isStopped = false

  constructor(options: RetentionOptions) {
    const { database } = options
    this.#options = options
    this.#oldest = database.prepare(
      'SELECT offset, timestamp_ms, ifnull(length(key), 0) + ifnull(length(value), 0) + ifnull(length(headers), 0) AS size' +
        ' FROM records WHERE topic_id = ? AND partition = ? ORDER BY offset LIMIT ?',
    )
    this.#deleteUpTo = database.prepare('DELETE FROM records WHERE topic_id = ? AND partition = ? AND offset <= ?')
    this.#nextTopic = database.prepare('SELECT min(topic_id) AS id FROM records WHERE topic_id > ?')
    this.#nextPartition = database.prepare(
      'SELECT min(partition) AS partition FROM records WHERE topic_id = ? AND partition > ?',
    )
    this.#deleteInvocations = database.prepare(
      'DELETE FROM invocations WHERE id IN (SELECT id FROM invocations WHERE updated_ms < ? LIMIT ?)',
    )
  }

  start(): void {
    this.#cancel = this.#options.clock.after(EVERY_MS, () => void this.#loop())
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel?.()
  }

  /** Everything that is due, now. */
  async run(): Promise<void> {
    for (const topic of [...this.#options.topics.all()]) {
      for (const state of topic.partitions) while (!this.#isStopped && (await this.#expire(state))) await turn()
    }
    await this.#sweep()
    await this.#forgetInvocations()
  }

  /** Records of topics that were deleted: from one topic to the next, as looking at every record would take long. */
  async #sweep(): Promise<void> {
    const { topics } = this.#options
    const ids = new Set([...topics.all()].map(({ id }) => id))
    for (let id = this.#after(this.#nextTopic, -1); id !== undefined; id = this.#after(this.#nextTopic, id)) {
      // One made meanwhile is larger than all that were known.
      if (ids.has(id) || [...topics.all()].some((topic) => topic.id === id)) continue
      await this.#sweepTopic(id)
    }
  }

  async #sweepTopic(id: number): Promise<void> {
    const next = (partition: number) => this.#after(this.#nextPartition, id, partition)
    for (let partition = next(-1); partition !== undefined; partition = next(partition)) {
      for (let slice = this.#slice(id, partition); slice !== undefined; slice = this.#slice(id, partition)) {
        const { last } = slice
        await this.#options.writer.write(() => this.#deleteUpTo.run(id, partition, last))
        await turn()
      }
    }
  }

  async #forgetInvocations(): Promise<void> {
    const { writer, now, ledgerRetentionMs } = this.#options
    const oldest = now() - ledgerRetentionMs
    for (let deleted = SLICE; deleted === SLICE && !this.#isStopped; await turn()) {
      deleted = await writer.write(() => Number(this.#deleteInvocations.run(oldest, SLICE).changes))
    }
  }

  async #loop(): Promise<void> {
    try {
      await this.run()
    } catch (error) {
      if (!this.#isStopped) this.#options.logger.warn('old records cannot be deleted', { error })
    }
    if (!this.#isStopped) this.start()
  }

  /** Deletes one slice; true when there may be more. */
  async #expire(state: PartitionState): Promise<boolean> {
    const { topics, writer, now } = this.#options
    const { topic, partition } = state
    const slice = this.#slice(topic.id, partition, now() - topic.retentionMs)
    if (slice === undefined) return false
    const begin = slice.last + 1
    await writer.write(
      () => {
        this.#deleteUpTo.run(topic.id, partition, slice.last)
        topics.writeBegin(state, begin)
      },
      () => (state.begin = begin),
    )
    return slice.isCut
  }

  /** The oldest records of the partition, as far as they are older than that; undefined when none is, or the log is closed. */
  #slice(topicId: number, partition: number, oldestMs = Infinity): { last: number; isCut: boolean } | undefined {
    if (this.#isStopped) return undefined
    let last: number | undefined
    let bytes = 0
    const rows = this.#oldest.all(topicId, partition, SLICE)
    for (const row of rows) {
      if (Number(row['timestamp_ms']) >= oldestMs) return last === undefined ? undefined : { last, isCut: false }
      last = Number(row['offset'])
      bytes += Number(row['size'])
      if (bytes >= SLICE_BYTES) return { last, isCut: true }
    }
    return last === undefined ? undefined : { last, isCut: rows.length === SLICE }
  }

  /** The smallest number beyond the last of `by` that there are records of. */
  #after(statement: Statement, ...by: number[]): number | undefined {
    if (this.#isStopped) return undefined
    const found = Object.values(statement.get(...by) ?? {})[0]
    return typeof found === 'number' ? found : undefined
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))
