/** Records and dead letters as the management listener shows them. Pure. */
import type { DeadLetterInfo, EventRecord } from '../../api/events-api.ts'
import type { LogRecord } from '../../events/event-log.ts'
import { isoTime, payload } from '../../events/payload.ts'
import type { DeadLetter } from '../../events/replay/dead-letters.ts'

export function recordView(record: LogRecord): EventRecord {
  const { topic, partition, offset, timestampMs, key, value, headers, undecodable } = record
  return {
    ...{ topic, partition, offset, timestamp: isoTime(timestampMs), key: payload(key), value: payload(value) },
    headers: headers.map(([name, bytes]) => ({ name, value: bytes.toString('utf8') })),
    ...(undecodable && { undecodable: undecodable.reason }),
  }
}

export function deadLetterView({ id, record, meta }: DeadLetter): DeadLetterInfo {
  const { deliveryId, failure, attempt, origin, firstFailedAtMs, redriveCount, batch } = meta
  const { topic, partition, offset, timestampMs } = origin
  return {
    ...recordView(record),
    ...{ id, deliveryId, class: failure?.class ?? 'unhandled', message: failure?.message ?? '', attempts: attempt },
    ...(failure?.status !== undefined && { status: failure.status }),
    ...(firstFailedAtMs !== undefined && { firstFailedAt: isoTime(firstFailedAtMs) }),
    origin: { topic, partition, offset, timestamp: isoTime(timestampMs) },
    redriveCount,
    ...(batch && { batch }),
  }
}
