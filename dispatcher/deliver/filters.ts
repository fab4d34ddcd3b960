/** Which records a Trigger takes. Pure. */
import type { FilterPattern } from '../../api/protocol.ts'
import type { LogRecord } from '../../events/event-log.ts'
import { printable } from '../../events/payload.ts'
import type { EventView } from './event-view.ts'

export type Filter = Readonly<Record<string, FilterPattern>>

/** True when there are no filters, or every pattern of one of them holds. */
export function passes(filters: readonly Filter[], record: LogRecord, view: EventView): boolean {
  if (filters.length === 0) return true
  let data: unknown
  const dataOf = () => (data ??= parseData(view))
  const valueOf = (name: string): string | undefined => {
    if (name === 'key') return record.key === null ? undefined : printable(record.key)
    if (name === 'topic') return record.topic
    if (name.startsWith('data.')) return textAt(dataOf(), name.slice(5).split('.'))
    return Object.hasOwn(view.attributes, name) ? view.attributes[name] : undefined
  }
  return filters.some((filter) => Object.entries(filter).every(([name, pattern]) => holds(pattern, valueOf(name))))
}

function holds(pattern: FilterPattern, value: string | undefined): boolean {
  if (value === undefined) return false
  if ('exact' in pattern && pattern.exact !== undefined) return value === pattern.exact
  if ('prefix' in pattern && pattern.prefix !== undefined) return value.startsWith(pattern.prefix)
  return 'suffix' in pattern && value.endsWith(pattern.suffix)
}

/** Null when there is no JSON. */
function parseData({ mode, bytes, envelope }: EventView): unknown {
  if (mode === 'structured') return envelope?.['data'] ?? null
  try {
    return JSON.parse((bytes ?? Buffer.alloc(0)).toString('utf8')) ?? null
  } catch {
    return null
  }
}

/** Numbers and booleans as JSON writes them; objects and lists have no text. */
function textAt(value: unknown, path: readonly string[]): string | undefined {
  let at = value
  for (const name of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined
    at = (at as Record<string, unknown>)[name]
  }
  return typeof at === 'string' || typeof at === 'number' || typeof at === 'boolean' ? String(at) : undefined
}
