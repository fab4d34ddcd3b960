/** Asks a rule about every value at its path. */
import { invalid, pathText, type Problem } from './problem.ts'
import { isRecord } from './record.ts'
import type { Rule } from './rule.ts'

/** The values at the rule's path that break it. */
export function broken(rule: Rule, object: unknown): Problem[] {
  return valuesAt(object, rule.path.replaceAll('[]', '.[]').split('.'), [])
    .filter(({ value }) => !rule.check(value))
    .map(({ path, value }) => invalid(pathText('', path), value, rule.message))
}

interface Located {
  path: readonly PropertyKey[]
  value: unknown
}

/** Absent values are not asked. */
function valuesAt(value: unknown, [segment, ...rest]: readonly string[], path: readonly PropertyKey[]): Located[] {
  if (value === undefined || value === null) return []
  if (segment === undefined) return [{ path, value }]
  if (segment !== '[]') return valuesAt(isRecord(value) ? value[segment] : undefined, rest, [...path, segment])
  return Array.isArray(value) ? value.flatMap((item, index) => valuesAt(item, rest, [...path, index])) : []
}
