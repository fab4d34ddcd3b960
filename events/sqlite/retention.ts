/** Deletes what is older than its topic keeps, and what deleted topics leave behind, in slices of a few milliseconds off the hot path. */
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Database, Statement } from '../../lib/sqlite/database.ts'
import type { PartitionState, Topics } from './topics.ts'
import type { Writer } from './writer.ts'

const EVERY_MS = 60_000
const SLICE = 500

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
  readonly #orphan: Statement
  readonly #deleteOrphans: Statement
  readonly #deleteInvocations: Statement
  #cancel: (() => void) | undefined
  #isStopped = false

  constructor(options: RetentionOptions) {
    const { database } = options
    this.#options = options
    this.#oldest = database.prepare(
      'SELECT offset, timestamp_ms FROM records WHERE topic_id = ? AND partition = ? ORDER BY offset LIMIT ?',
    )
    this.#deleteUpTo = database.prepare('DELETE FROM records WHERE topic_id = ? AND partition = ? AND offset <= ?')
    this.#orphan = database.prepare(
      'SELECT topic_id FROM records WHERE topic_id NOT IN (SELECT id FROM topics) LIMIT 1',
    )
    this.#deleteOrphans = database.prepare(
      'DELETE FROM records WHERE (topic_id, partition, offset) IN' +
        ' (SELECT topic_id, partition, offset FROM records WHERE topic_id = ? LIMIT ?)',
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
  }

  /** Records of topics that were deleted. */
  async #sweep(): Promise<void> {
    const { writer, now, ledgerRetentionMs } = this.#options
    for (let row = this.#orphan.get(); row !== undefined && !this.#isStopped; row = this.#orphan.get()) {
      const id = Number(row['topic_id'])
      await writer.write(() => this.#deleteOrphans.run(id, SLICE))
      await turn()
    }
    const oldest = now() - ledgerRetentionMs
    for (let deleted = SLICE; deleted === SLICE && !this.#isStopped; await turn()) {
      deleted = await writer.write(() => Number(this.#deleteInvocations.run(oldest, SLICE).changes))
    }
  }

  async #loop(): Promise<void> {
    await this.run().catch((error: unknown) => this.#options.logger.warn('old records cannot be deleted', { error }))
    if (!this.#isStopped) this.start()
  }

  /** One slice; true when there may be more. */
  async #expire(state: PartitionState): Promise<boolean> {
    const { topics, writer, now } = this.#options
    const { topic, partition } = state
    const oldestMs = now() - topic.retentionMs
    const rows = this.#oldest.all(topic.id, partition, SLICE)
    const kept = rows.findIndex((row) => Number(row['timestamp_ms']) >= oldestMs)
    const expired = kept < 0 ? rows : rows.slice(0, kept)
    const last = expired.at(-1)
    if (last === undefined) return false
    const begin = Number(last['offset']) + 1
    await writer.write(
      () => {
        this.#deleteUpTo.run(topic.id, partition, begin - 1)
        topics.writeBegin(state, begin)
      },
      () => (state.begin = begin),
    )
    return expired.length === SLICE
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))
