/** Which records a Trigger takes. Pure. */
import type { FilterPattern, NumericPattern } from '../../api/trigger-events.ts'
import type { Delivery } from '../../events/delivery.ts'
import { printable } from '../../events/payload.ts'
import { contentTypeOf, type EventView } from './event-view.ts'

export type Filter = Readonly<Record<string, FilterPattern>>

type Scalar = string | number | boolean

const DATA = 'data.'
/** As JSON writes it. */
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/

const COMPARISONS: Record<keyof NumericPattern, (value: number, bound: number) => boolean> = {
  gt: (value, bound) => value > bound,
  gte: (value, bound) => value >= bound,
  lt: (value, bound) => value < bound,
  lte: (value, bound) => value <= bound,
  eq: (value, bound) => value === bound,
}

/** True when there are no filters, or every pattern of one of them holds. */
export function passes(filters: readonly Filter[], delivery: Delivery, view: EventView): boolean {
  if (filters.length === 0) return true
  let data: { json: unknown } | undefined
  const fits = ([name, pattern]: [string, FilterPattern]) => {
    if (!name.startsWith(DATA)) return holds(pattern, typed(pattern, contextOf(name, delivery, view)))
    data ??= { json: parseData(view) }
    return holds(pattern, scalarAt(data.json, name.slice(DATA.length).split('.')))
  }
  return filters.some((filter) => Object.entries(filter).every(fits))
}

/** Attributes, keys and topics have no types: what looks like a number is one where a number is asked for. In data a text is a text. */
function typed({ numeric }: FilterPattern, text: string | undefined): Scalar | undefined {
  return numeric !== undefined && text !== undefined && NUMBER.test(text) ? Number(text) : text
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

/** What is not there fits nothing, not even `anythingBut`. */
function holds({ exact, prefix, suffix, anythingBut, numeric }: FilterPattern, value: Scalar | undefined): boolean {
  if (value === undefined) return false
  if (numeric !== undefined) return typeof value === 'number' && isWithin(numeric, value)
  const text = String(value)
  if (exact !== undefined) return text === exact
  if (prefix !== undefined) return text.startsWith(prefix)
  if (suffix !== undefined) return text.endsWith(suffix)
  return anythingBut !== undefined && !anythingBut.includes(text)
}

function isWithin(numeric: NumericPattern, value: number): boolean {
  return Object.entries(COMPARISONS).every(([name, holdsFor]) => {
    const bound = numeric[name as keyof NumericPattern]
    return bound === undefined || holdsFor(value, bound)
  })
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

/** Objects and lists are no values. */
function scalarAt(value: unknown, path: readonly string[]): Scalar | undefined {
  let at = value
  for (const name of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined
    at = (at as Record<string, unknown>)[name]
  }
  return typeof at === 'string' || typeof at === 'number' || typeof at === 'boolean' ? at : undefined
}
