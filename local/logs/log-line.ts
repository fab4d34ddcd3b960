/** What a pod wrote, and whose it is. */
import type { ObjectKey } from '../../api/names.ts'

export type LogStream = 'stdout' | 'stderr'
/** `namespace/name` of a function, or `runtime:<name>` for pods that never got one. */
export type LogSource = ObjectKey | `runtime:${string}`

export interface LogLine {
  source: LogSource
  pod: string
  stream: LogStream
  text: string
}
