/** Keys and values of records for human eyes. Pure. */
import type { EventRecord, Payload, RecordPosition } from '../../api/events-api.ts'
import { visible } from './visible.ts'

/** In one line whatever is in it; `none` is what stands for no value at all. */
export function formatPayload(payload: Payload, none: string): string {
  if (payload === null) return none
  return 'text' in payload ? oneLine(payload.text) : `base64:${payload.base64}`
}

const ESCAPES: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v', '\f': '\\f' }

function oneLine(text: string): string {
  return text.replace(/[\n\r\t\v\f]/g, (character) => ESCAPES[character] ?? character)
}

/** At most `length` characters, the last of which says that there were more. */
export function cut(text: string, length: number): string {
  const characters = [...text]
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`
}

export function formatPosition({ topic, partition, offset }: RecordPosition): string {
  return `${topic}/${partition}@${offset}`
}

export function formatRecord(record: EventRecord): string {
  const key = `key=${formatPayload(record.key, '(none)')}`
  const { undecodable } = record
  const value = undecodable === undefined ? formatPayload(record.value, '(tombstone)') : `(no record: ${undecodable})`
  return visible([formatPosition(record), record.timestamp, key, value].join('  '))
}
