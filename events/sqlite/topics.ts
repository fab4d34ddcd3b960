/** All topics and where their partitions begin and end, in memory; written through the statements here, followed after each commit. */
import type { Database, Statement } from '../../lib/sqlite/database.ts'
import type { TopicSpec } from '../event-log.ts'

export interface PartitionState {
  readonly topic: Topic
  readonly partition: number
  /** Offset of the oldest record that is still there. */
  begin: number
  /** Offset of the next one. */
  end: number
}

export interface Topic {
  readonly id: number
  readonly name: string
  readonly retentionMs: number
  readonly partitions: readonly PartitionState[]
}

interface Change {
  made: Map<string, Topic>
  deleted: Set<Topic>
  ends: Map<PartitionState, number>
}

const noChange = (): Change => ({ made: new Map(), deleted: new Set(), ends: new Map() })

export interface TopicDefaults {
  partitions: number
  retentionMs: number
}

export class Topics {
  readonly #byName = new Map<string, Topic>()
  /** Of the transaction that runs. */
  #change = noChange()
  readonly #insertTopic: Statement
  readonly #insertPartition: Statement
  readonly #deleteTopic: Statement
  readonly #deletePartitions: Statement
  readonly #deletePositions: Statement
  readonly #setEnd: Statement
  readonly #setBegin: Statement

  constructor(database: Database) {
    this.#insertTopic = database.prepare('INSERT INTO topics (name, partitions, retention_ms) VALUES (?, ?, ?)')
    this.#insertPartition = database.prepare('INSERT INTO partitions VALUES (?, ?, 0, 0)')
    this.#deleteTopic = database.prepare('DELETE FROM topics WHERE id = ?')
    this.#deletePartitions = database.prepare('DELETE FROM partitions WHERE topic_id = ?')
    this.#deletePositions = database.prepare('DELETE FROM positions WHERE topic_id = ?')
    this.#setEnd = database.prepare('UPDATE partitions SET last = ? WHERE topic_id = ? AND partition = ?')
    this.#setBegin = database.prepare('UPDATE partitions SET first = ? WHERE topic_id = ? AND partition = ?')
    this.#load(database)
  }

  /** As committed; while a transaction runs, as it has made them so far. */
  get(name: string): Topic | undefined {
    const made = this.#change.made.get(name)
    if (made !== undefined) return made
    const known = this.#byName.get(name)
    return known !== undefined && this.#change.deleted.has(known) ? undefined : known
  }

  all(): Iterable<Topic> {
    return this.#byName.values()
  }

  /** It has not been deleted meanwhile, nor by the transaction that runs. */
  isThere(topic: Topic): boolean {
    return this.get(topic.name) === topic
  }

  /** Within a transaction. */
  insert({ topic, partitions, retentionMs }: Required<TopicSpec>): Topic {
    const { lastInsertRowid } = this.#insertTopic.run(topic, partitions, retentionMs)
    const id = Number(lastInsertRowid)
    for (let partition = 0; partition < partitions; partition++) this.#insertPartition.run(id, partition)
    const made = topicOf({ id, name: topic, retentionMs }, partitions)
    this.#change.made.set(topic, made)
    return made
  }

  /** Within a transaction. The records are left to the retention. */
  delete(topic: Topic): void {
    this.#deleteTopic.run(topic.id)
    this.#deletePartitions.run(topic.id)
    this.#deletePositions.run(topic.id)
    this.#change.deleted.add(topic)
    if (this.#change.made.get(topic.name) === topic) this.#change.made.delete(topic.name)
  }

  /** Within a transaction: the offset of the next record. */
  takeOffset(state: PartitionState): number {
    const offset = this.#change.ends.get(state) ?? state.end
    this.#change.ends.set(state, offset + 1)
    return offset
  }

  /** Within a transaction. */
  writeBegin({ topic, partition }: PartitionState, begin: number): void {
    this.#setBegin.run(begin, topic.id, partition)
  }

  beforeCommit(): void {
    for (const [{ topic, partition }, end] of this.#change.ends) this.#setEnd.run(end, topic.id, partition)
  }

  /** Memory follows what is stored now. */
  committed(): { grown: PartitionState[]; changed: Set<string> } {
    const { made, deleted, ends } = this.#change
    this.#change = noChange()
    for (const { name } of deleted) this.#byName.delete(name)
    for (const topic of made.values()) this.#byName.set(topic.name, topic)
    for (const [state, end] of ends) state.end = end
    return { grown: [...ends.keys()], changed: new Set([...made.keys(), ...[...deleted].map(({ name }) => name)]) }
  }

  rolledBack(): void {
    this.#change = noChange()
  }

  #load(database: Database): void {
    for (const row of database.prepare('SELECT id, name, partitions, retention_ms FROM topics').all()) {
      const id = Number(row['id'])
      const topic = topicOf(
        { id, name: String(row['name']), retentionMs: Number(row['retention_ms']) },
        Number(row['partitions']),
      )
      this.#byName.set(topic.name, topic)
      for (const ends of database.prepare('SELECT * FROM partitions WHERE topic_id = ?').all(id)) {
        const state = topic.partitions[Number(ends['partition'])]
        if (state === undefined) continue
        state.begin = Number(ends['first'])
        state.end = Number(ends['last'])
      }
    }
  }
}

function topicOf(identity: { id: number; name: string; retentionMs: number }, partitions: number): Topic {
  const states: PartitionState[] = []
  const topic: Topic = { ...identity, partitions: states }
  for (let partition = 0; partition < partitions; partition++) states.push({ topic, partition, begin: 0, end: 0 })
  return topic
}
