import { ListNode } from '../../lib/linked-list.ts'
import type { Admitted } from '../admission.ts'
import type { Delivery } from '../delivery.ts'
import type { LogRecord } from '../event-log.ts'
import type { Subscription } from '../subscription.ts'
import { hopMeta, sourceMeta, uidOf, type RecordMeta } from '../record-headers.ts'

/** Whether records come from where users write them or from a retry tier. */
export type Role = 'source' | 'tier'

/** A record from its arrival until it is done. */
export class Entry extends ListNode implements Admitted {
  readonly record: LogRecord
  readonly meta: RecordMeta
  readonly sizeBytes: number
  /** In a retry tier: the uid of an earlier subscription of the same name, which it waits for. */
  readonly orphanOf: string | undefined
  lane: unknown = undefined

  constructor(record: LogRecord, meta: RecordMeta, { sizeBytes, orphanOf }: { sizeBytes: number; orphanOf?: string }) {
    super()
    this.record = record
    this.meta = meta
    this.sizeBytes = sizeBytes
    this.orphanOf = orphanOf
  }
}

/** What a record costs beside its bytes. */
const OVERHEAD_BYTES = 300

export function createEntry(record: LogRecord, role: Role, { uid, kind }: Pick<Subscription, 'uid' | 'kind'>): Entry {
  let sizeBytes = OVERHEAD_BYTES + (record.key?.length ?? 0) + (record.value?.length ?? 0)
  for (const [name, value] of record.headers) sizeBytes += name.length + value.length
  if (role === 'source') return new Entry(record, sourceMeta(record, uid), { sizeBytes })
  const meta = hopMeta(record, uid)
  const owner = uidOf(record) ?? uid
  // Invocations of a Function that was made anew are its.
  if (owner === uid || kind === 'async') return new Entry(record, meta, { sizeBytes })
  // For its retry nobody waits.
  const { dueMs, ...rest } = meta
  return new Entry(record, rest, { sizeBytes, orphanOf: owner })
}

export function deliveryOf({ record, meta }: Entry, attempt: number): Delivery {
  return { record, deliveryId: meta.deliveryId, attempt, origin: meta.origin }
}
