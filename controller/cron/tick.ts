/** The record of one due time: a CloudEvent in binary mode, with an id that every replica would give it. Pure. */
import { createHash } from 'node:crypto'
import { API_VERSION, EVENT_HEADER, splitKey, type ObjectKey } from '../../api/names.ts'
import type { Header, LogRecord, NewRecord } from '../../events/event-log.ts'
import { isJsonSyntax } from '../../lib/json-syntax.ts'
import { textOf } from '../../events/record-headers.ts'
import { cronTopic } from '../../events/topic-names.ts'

export const TICK_TYPE = 'dev.dormouse.cron.tick'
const TIME = 'ce_time'

export interface Tick {
  /** Of the Trigger. */
  key: ObjectKey
  uid: string
  dueMs: number
  /** JSON text; default: which Trigger, and when it was due. */
  payload: string | undefined
}

export function tickRecord(tick: Tick): NewRecord {
  const { key, dueMs, payload } = tick
  const id = tickId(tick)
  const time = new Date(dueMs).toISOString()
  const value = Buffer.from(payload ?? JSON.stringify({ trigger: key, scheduledAt: time }))
  const { namespace, name } = splitKey(key)
  const headers = {
    [EVENT_HEADER.deliveryId]: id,
    ce_specversion: '1.0',
    ce_id: id,
    ce_type: TICK_TYPE,
    ce_source: `/apis/${API_VERSION}/namespaces/${namespace}/triggers/${name}`,
    [TIME]: time,
    'content-type': isJsonSyntax(value) ? 'application/json' : 'text/plain; charset=utf-8',
  }
  return {
    topic: cronTopic(key),
    key: null,
    value,
    headers: Object.entries(headers).map(([header, text]): Header => [header, Buffer.from(text)]),
  }
}

/** The same for one due time of one Trigger, whoever asks; shaped as a UUID of version 8, whose bits are ours to choose. */
export function tickId({ uid, dueMs }: Pick<Tick, 'uid' | 'dueMs'>): string {
  const hex = createHash('sha256').update(`${uid}/${dueMs}`).digest('hex')
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16)
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}

export function isTick(record: LogRecord, tick: Pick<Tick, 'uid' | 'dueMs'>): boolean {
  return textOf(record.headers, EVENT_HEADER.deliveryId) === tickId(tick)
}
