/** Dead letters as operators see and choose them. Pure. */
import type { ErrorClass } from '../delivery.ts'
import type { LogRecord } from '../event-log.ts'
import { hopMeta, type RecordMeta } from '../record-headers.ts'

export interface DeadLetter {
  /** `partition-offset` in the dead-letter topic. */
  id: string
  record: LogRecord
  meta: RecordMeta
}

export interface DeadLetterFilter {
  id?: string
  class?: ErrorClass
  /** When it became a dead letter, epoch milliseconds. */
  sinceMs?: number
  untilMs?: number
  /** The record's key, as text. */
  key?: string
  /** `topic`, `topic/partition` or `topic/partition/offset`. */
  origin?: string
}

export function deadLetterOf(record: LogRecord): DeadLetter {
  return { id: `${record.partition}-${record.offset}`, record, meta: hopMeta(record, '') }
}

export function fits(letter: DeadLetter, filter: DeadLetterFilter): boolean {
  const { id, record, meta } = letter
  const is = <T>(wanted: T | undefined, ...found: (T | undefined)[]) => wanted === undefined || found.includes(wanted)
  return (
    is(filter.id, id, meta.deliveryId) &&
    is(filter.class, meta.failure?.class) &&
    is(filter.key, record.key?.toString('utf8')) &&
    is(filter.origin, ...originNames(meta)) &&
    record.timestampMs >= (filter.sinceMs ?? -Infinity) &&
    record.timestampMs <= (filter.untilMs ?? Infinity)
  )
}

function originNames({ origin: { topic, partition, offset } }: RecordMeta): string[] {
  return [topic, `${topic}/${partition}`, `${topic}/${partition}/${offset}`]
}
