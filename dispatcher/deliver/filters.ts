/** Which records a Trigger takes. Pure. */
import type { FilterPattern } from '../../api/protocol.ts'
import type { Delivery } from '../../events/delivery.ts'
import { printable } from '../../events/payload.ts'
import { contentTypeOf, type EventView } from './event-view.ts'

export type Filter = Readonly<Record<string, FilterPattern>>

const DATA = 'data.'

/** True when there are no filters, or every pattern of one of them holds. */
export function passes(filters: readonly Filter[], delivery: Delivery, view: EventView): boolean {
  if (filters.length === 0) return true
  let data: unknown
  const dataOf = () => (data ??= parseData(view))
  const valueOf = (name: string) =>
    name.startsWith(DATA) ? textAt(dataOf(), name.slice(DATA.length).split('.')) : contextOf(name, delivery, view)
  return filters.some((filter) => Object.entries(filter).every(([name, pattern]) => holds(pattern, valueOf(name))))
}

function contextOf(name: string, { record, origin }: Delivery, view: EventView): string | undefined {
  switch (name) {
    case 'key':
      return record.key === null ? undefined : printable(record.key)
    // Of a retry tier's record too: a retry must not be filtered out.
    case 'topic':
      return origin.topic
    case 'datacontenttype':
      return view.mode === 'structured' ? view.attributes[name] : contentTypeOf(view)
    default:
      return Object.hasOwn(view.attributes, name) ? view.attributes[name] : undefined
  }
}

function holds(pattern: FilterPattern, value: string | undefined): boolean {
  if (value === undefined) return false
  if ('exact' in pattern && pattern.exact !== undefined) return value === pattern.exact
  if ('prefix' in pattern && pattern.prefix !== undefined) return value.startsWith(pattern.prefix)
  return 'suffix' in pattern && value.endsWith(pattern.suffix)
}

/** Null when there is no JSON. */
function parseData({ bytes, envelope }: EventView): unknown {
  if (envelope !== undefined && envelope.bytes === undefined) return envelope.data ?? null
  const data = envelope?.bytes ?? bytes
  try {
    return JSON.parse((data ?? Buffer.alloc(0)).toString('utf8')) ?? null
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
