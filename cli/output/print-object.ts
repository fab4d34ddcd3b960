/** Objects as JSON or YAML, as kubectl prints them: one as it is, several as a List. */
import type { KubeObject } from '../../api/object.ts'
import { toYaml } from './yaml.ts'

export type ObjectFormat = 'json' | 'yaml'

export function printObjects(objects: readonly KubeObject[], format: ObjectFormat, single: boolean): string {
  const [first] = objects
  const value = single && first !== undefined ? first : { apiVersion: 'v1', kind: 'List', items: objects }
  return printValue(value, format)
}

export function printValue(value: unknown, format: ObjectFormat): string {
  try {
    return format === 'json' ? `${JSON.stringify(value, null, 2)}\n` : toYaml(value)
  } catch (error) {
    // Results of functions may be nested too deep to be laid out. On one line they are JSON, and so YAML.
    if (error instanceof RangeError) return `${JSON.stringify(value)}\n`
    throw error
  }
}
