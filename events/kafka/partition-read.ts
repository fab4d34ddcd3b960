/** What is read of one partition, and what of it waits to be handed over. */
import { lastOffsetOf, partitionName, type LogRecord, type PartitionId } from '../event-log.ts'

export class PartitionRead {
  readonly id: PartitionId
  readonly name: string
  leader: number | undefined
  isPaused = false
  /** Its receiver threw: it is not asked again before the pause is over. */
  isResting = false
  /** Offset of the next fetch. */
  next: number
  /** Fetched, not handed over. A paused partition keeps it: resuming costs no second fetch. */
  ready: readonly LogRecord[] = []

  constructor(id: PartitionId, position: number) {
    this.id = id
    this.name = partitionName(id)
    this.next = position
  }

  get mayHand(): boolean {
    return !this.isPaused && !this.isResting && this.ready.length > 0
  }

  get mayFetch(): boolean {
    return !this.isPaused && !this.isResting && this.ready.length === 0
  }

  seek(offset: number): void {
    this.next = offset
    this.ready = []
  }
}

/** Batches come whole: the first may begin before what was asked for. One that cannot be decoded then stands for the rest of its offsets. */
export function recordsFrom(records: readonly LogRecord[], from: number): readonly LogRecord[] {
  if ((records[0]?.offset ?? from) >= from) return records
  return records
    .filter((record) => lastOffsetOf(record) >= from)
    .map((record) => (record.offset < from ? { ...record, offset: from } : record))
}
