/**
 * How many functions a record came through: a destination or a reply that leads back to its own function would go on for ever. Pure.
 */
import { EVENT_HEADER } from '../../api/names.ts'
import type { Header, LogRecord } from '../../events/event-log.ts'
import { textOf } from '../../events/record-headers.ts'

const HOPS_HEADER = 'dormouse-hops'
export const MAX_HOPS = 16

/** For the record that follows on this one. */
export function nextHop(record: LogRecord): Header {
  return [HOPS_HEADER, Buffer.from(String(hopsOf(record) + 1))]
}

/** Whether it came through too many functions. Not when somebody replayed it: then it was looked at. */
export function isLoop(record: LogRecord): boolean {
  if (record.headers.length === 0 || hopsOf(record) <= MAX_HOPS) return false
  return textOf(record.headers, EVENT_HEADER.redriveCount) === undefined
}

export const LOOP_MESSAGE = `expected an event that came through at most ${MAX_HOPS} functions, got one more: do destinations or replies lead back to where they came from?`

function hopsOf({ headers }: LogRecord): number {
  const hops = headers.length === 0 ? 0 : Number(textOf(headers, HOPS_HEADER) ?? 0)
  return Number.isInteger(hops) && hops > 0 ? hops : 0
}
