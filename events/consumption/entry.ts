import type { Delivery } from '../delivery.ts'
import type { LogRecord } from '../event-log.ts'
import { hopMeta, sourceMeta, type RecordMeta } from '../record-headers.ts'

/** Whether records come from where users write them or from a retry tier. */
export type Role = 'source' | 'tier'

/** A record from its arrival until it is done. */
export interface Entry {
  readonly record: LogRecord
  readonly meta: RecordMeta
  readonly sizeBytes: number
}

/** What a record costs beside its bytes. */
const OVERHEAD_BYTES = 300

export function createEntry(record: LogRecord, role: Role, uid: string): Entry {
  let sizeBytes = OVERHEAD_BYTES + (record.key?.length ?? 0) + (record.value?.length ?? 0)
  for (const [name, value] of record.headers) sizeBytes += name.length + value.length
  return { record, meta: role === 'source' ? sourceMeta(record, uid) : hopMeta(record, uid), sizeBytes }
}

export function deliveryOf({ record, meta }: Entry, attempt: number): Delivery {
  return { record, deliveryId: meta.deliveryId, attempt, origin: meta.origin }
}
