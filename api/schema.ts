/** Schema pieces that zod lacks: each bounds a value in zod and says the same in the JSON schema of the CRD. */
import { z } from 'zod'

/** What issues of integer() say: zod itself reports text in its place as "expected number". */
export const INTEGER = 'integer'

export const integer = () => z.int(INTEGER)

/** A map from text to `value` with at most `maxProperties` entries. */
export function boundedRecord<V extends z.ZodType>(value: V, maxProperties: number) {
  return z
    .record(z.string(), value)
    .check(({ value: record, issues }) => {
      const size = Object.keys(record).length
      if (size <= maxProperties) return
      issues.push({ code: 'too_big', origin: 'map', maximum: maxProperties, inclusive: true, input: record })
    })
    .meta({ maxProperties })
}

/** A list of objects that are told apart by `key`: server-side apply merges it entry by entry. */
export function listMap<E extends z.ZodType<object>>(entry: E, key: keyof z.output<E> & string, maxItems: number) {
  const keyOf = (item: z.output<E>) => ({ [key]: item[key] })
  return z
    .array(entry)
    .max(maxItems)
    .check(refuseDuplicates<z.output<E>>(keyOf))
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] })
}

/** A list of scalars without duplicates: server-side apply merges it. */
export function listSet<E extends z.ZodType>(entry: E, maxItems: number) {
  return z
    .array(entry)
    .max(maxItems)
    .check(refuseDuplicates<z.output<E>>((item) => item))
    .meta({ 'x-kubernetes-list-type': 'set' })
}

/** Issues carry what is there twice as `params.duplicate`. */
function refuseDuplicates<T>(keyOf: (item: T) => unknown): z.core.CheckFn<T[]> {
  return ({ value: items, issues }) => {
    const seen = new Set<string>()
    items.forEach((item, index) => {
      const duplicate = keyOf(item)
      const text = JSON.stringify(duplicate)
      if (seen.has(text)) issues.push({ code: 'custom', path: [index], params: { duplicate }, input: item })
      seen.add(text)
    })
  }
}
