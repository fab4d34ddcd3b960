/** What groups have committed. */
import type { Database, Statement } from '../../lib/sqlite/database.ts'
import type { CommittedOffset } from '../event-log.ts'
import type { PartitionState } from './topics.ts'
import type { Writer } from './writer.ts'

export class Positions {
  readonly #writer: Writer
  readonly #put: Statement
  readonly #one: Statement
  readonly #all: Statement

  constructor(database: Database, writer: Writer) {
    this.#writer = writer
    this.#put = database.prepare('INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?, ?)')
    this.#one = database.prepare(
      'SELECT offset, metadata FROM positions WHERE group_name = ? AND topic_id = ? AND partition = ?',
    )
    this.#all = database.prepare(
      'SELECT name, partition, offset, metadata FROM positions JOIN topics ON topics.id = topic_id WHERE group_name = ?',
    )
  }

  write(group: string, rows: readonly (CommittedOffset & { topicId: number })[]): Promise<void> {
    return this.#writer.write(() => {
      for (const { topicId, partition, offset, metadata } of rows) {
        this.#put.run(group, topicId, partition, offset, metadata)
      }
    })
  }

  read(group: string, { topic, partition }: PartitionState): { offset: number; metadata: string } | undefined {
    const row = this.#one.get(group, topic.id, partition)
    return row && { offset: Number(row['offset']), metadata: String(row['metadata']) }
  }

  all(group: string): CommittedOffset[] {
    return this.#all.all(group).map((row) => ({
      topic: String(row['name']),
      partition: Number(row['partition']),
      offset: Number(row['offset']),
      metadata: String(row['metadata']),
    }))
  }
}
