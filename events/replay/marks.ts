/** Which dead letters are done with: replayed or given up. What the commit of the replays' group says, and what was added since. */
import { lastOffsetOf, partitionName } from '../event-log.ts'
import type { Assignment, CommittedOffset, LogRecord, PartitionId } from '../event-log.ts'
import { OffsetTracker } from '../offset-tracker.ts'

export class Marks {
  readonly #trackers = new Map<string, { id: PartitionId; tracker: OffsetTracker; isChanged: boolean }>()

  /** As was committed. */
  begin(assignment: Assignment): void {
    const { topic, partition } = assignment
    const tracker = new OffsetTracker(assignment)
    this.#trackers.set(partitionName({ topic, partition }), { id: { topic, partition }, tracker, isChanged: false })
  }

  /** Unless it is known: nothing of it is done with. */
  beginUnknown(partition: PartitionId): void {
    if (!this.#trackers.has(partitionName(partition))) this.begin({ ...partition, position: 0, metadata: '' })
  }

  /** False: it was done with before. Call for every record, in order. */
  track(record: LogRecord): boolean {
    return this.#trackers.get(partitionName(record))?.tracker.track(record.offset, lastOffsetOf(record)) ?? false
  }

  /** False: of another one that is done with, a commit might not be able to tell. */
  mayMark(partition: PartitionId): boolean {
    return this.#trackers.get(partitionName(partition))?.tracker.fits ?? false
  }

  mark(record: LogRecord): void {
    const known = this.#trackers.get(partitionName(record))
    if (known === undefined) return
    known.tracker.done(record.offset)
    known.isChanged = true
  }

  /** Of these partitions, or of all, as far as something was marked. */
  commits(partitions?: readonly PartitionId[]): CommittedOffset[] {
    const keys = partitions?.map(partitionName) ?? [...this.#trackers.keys()]
    return keys.flatMap((key) => {
      const known = this.#trackers.get(key)
      if (known === undefined || !known.isChanged) return []
      return [{ ...known.id, offset: known.tracker.lowWater, metadata: known.tracker.encode() }]
    })
  }

  forget(partitions: readonly PartitionId[]): void {
    for (const partition of partitions) this.#trackers.delete(partitionName(partition))
  }
}
