/** Where a request goes: the function, the path it sees, and what its route adds. Shared by both listeners' ways of finding it. */
import type { ObjectKey } from '../../api/names.ts'
import type { FeedRoute } from '../../api/protocol.ts'
import type { ProblemError } from '../../routing/problems.ts'
import type { CallerDialect } from './caller-dialect.ts'

/** What a listener's way of finding functions is given. */
export interface IncomingTarget {
  /** Host header, or the authority of an absolute target. */
  host: string
  method: string
  /** As in the request line, any form. */
  target: string
  rawHeaders: readonly string[]
}

export interface Target {
  kind: 'target'
  key: ObjectKey
  /** Path and query as the function sees them. */
  path: string
  /** Present when an http Trigger led here. */
  route?: FeedRoute
  /** Present when the caller uses another API than ours. */
  dialect?: CallerDialect
  /** For every answer (CORS): name, value, … */
  extraHeaders: readonly string[]
}

export type Resolution =
  | Target
  /** The gateway answers itself: a CORS preflight. */
  | { kind: 'answer'; status: number; headers: readonly string[] }
  | { kind: 'problem'; problem: ProblemError; extraHeaders: readonly string[] }

export function problemResolution(
  problem: ProblemError,
  extraHeaders: readonly string[] = [],
): Extract<Resolution, { kind: 'problem' }> {
  return { kind: 'problem', problem, extraHeaders }
}
