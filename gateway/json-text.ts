import { isRecord } from '../api/record.ts'

/** The text that an object of JSON has under a name; undefined when it has none, or is no such object. */
export function textIn(json: Buffer, name: string): string | undefined {
  try {
    const object: unknown = JSON.parse(json.toString('utf8'))
    const text = isRecord(object) ? object[name] : undefined
    return typeof text === 'string' ? text : undefined
  } catch {
    return undefined
  }
}
