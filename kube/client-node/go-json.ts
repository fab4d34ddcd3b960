/**
 * JSON as Go writes it: keys in order, `<`, `>` and `&` escaped. Every way means the same, but the API server keeps fields of any shape (a
 * ControllerRevision's `data`) as the bytes it got, writes them its own way before it patches, and then takes the object for changed: whoever
 * patches it is refused, the garbage collector included.
 */
import { unicodeEscape } from '../../lib/unicode-escape.ts'

export function goJson(value: unknown): string {
  return inOrder(value) ?? 'null'
}

/** Undefined for what JSON leaves out. Not by JSON.stringify of objects in order: keys that look like numbers would come first. */
function inOrder(value: unknown): string | undefined {
  if (Array.isArray(value)) return `[${value.map(goJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return escaped(value)
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, inner]) => [name, inOrder(inner)] as const)
  return `{${members.flatMap(([name, inner]) => (inner === undefined ? [] : `${escaped(name)}:${inner}`)).join(',')}}`
}

function escaped(value: unknown): string | undefined {
  // Nothing for what it leaves out, whatever its type says.
  const text = JSON.stringify(value) as string | undefined
  return text?.replace(/[<>&\u2028\u2029]/g, unicodeEscape)
}
