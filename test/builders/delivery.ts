/** Deliveries of records with sensible values; tests name only what matters to them. */
import type { Delivery } from '../../events/delivery.ts'
import type { Header, LogRecord } from '../../events/event-log.ts'

export function headers(of: Record<string, string>): Header[] {
  return Object.entries(of).map(([name, value]) => [name, Buffer.from(value)] as const)
}

export function logRecord(part: Partial<Omit<LogRecord, 'value' | 'key' | 'headers'>> & RecordTexts = {}): LogRecord {
  const { value = '{"n":1}', key = null, headers: texts = {}, ...rest } = part
  const bytes = (of: string | Buffer | null) => (typeof of === 'string' ? Buffer.from(of) : of)
  return {
    ...{ topic: 'orders', partition: 0, offset: 7, timestampMs: Date.parse('2026-01-31T12:00:00Z') },
    ...rest,
    ...{ key: bytes(key), value: bytes(value), headers: headers(texts) },
  }
}

export interface RecordTexts {
  value?: string | Buffer | null
  key?: string | Buffer | null
  headers?: Record<string, string>
}

/** At the first attempt, from where the record stands. */
export function delivery(part: Parameters<typeof logRecord>[0] = {}, rest: Partial<Delivery> = {}): Delivery {
  const record = logRecord(part)
  const { topic, partition, offset, timestampMs } = record
  return {
    ...{ record, attempt: 1, deliveryId: `${topic}-${partition}-${offset}.11112222` },
    origin: { topic, partition, offset, timestampMs },
    ...rest,
  }
}
