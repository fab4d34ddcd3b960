/** What groups have committed. */
import type { Database, Statement } from '../../lib/sqlite/database.ts'
import { EventLogError, type CommittedOffset } from '../event-log.ts'
import type { PartitionState, Topics } from './topics.ts'
import type { Writer } from './writer.ts'

export interface Position {
  partition: PartitionState
  offset: number
  metadata: string
}

export class Positions {
  readonly #topics: Topics
  readonly #writer: Writer
  readonly #put: Statement
  readonly #one: Statement
  readonly #all: Statement

  constructor(database: Database, { topics, writer }: { topics: Topics; writer: Writer }) {
    this.#topics = topics
    this.#writer = writer
    this.#put = database.prepare('INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?, ?)')
    this.#one = database.prepare(
      'SELECT offset, metadata FROM positions WHERE group_name = ? AND topic_id = ? AND partition = ?',
    )
    this.#all = database.prepare(
      'SELECT name, partition, offset, metadata FROM positions JOIN topics ON topics.id = topic_id WHERE group_name = ?',
    )
  }

  /** All or none. Throws EventLogError `not-assigned` when a topic was deleted meanwhile. */
  write(group: string, positions: readonly Position[]): Promise<void> {
    return this.#writer.write(() => this.put(group, positions))
  }

  /** Within a transaction. */
  put(group: string, positions: readonly Position[]): void {
    for (const { partition, offset, metadata } of positions) {
      if (!this.#topics.isThere(partition.topic))
        throw new EventLogError('not-assigned', `expected a topic that exists, ${partition.topic.name} was deleted`)
      this.#put.run(group, partition.topic.id, partition.partition, offset, metadata)
    }
  }

  /** What was asked for counts from here on. */
  settle(): void {
    this.#writer.flush()
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
