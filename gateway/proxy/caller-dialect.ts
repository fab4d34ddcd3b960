/** Callers of another API than ours: what they ask is read, and what they are told is said, in that API's words. */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { ProblemError } from '../../routing/problems.ts'
import type { Exchange } from './exchange.ts'
import type { RequestHead } from './request-head.ts'

export interface CallerDialect {
  /** Before anything is answered: its headers are read as ours are, and whoever answers says it in its words. Returns what is wrong with them. */
  begin(request: {
    head: RequestHead
    rawHeaders: readonly string[]
    response: ServerResponse
    requestId: string
  }): ProblemError | undefined
  /** Of a pod's answer. */
  status(status: number, headers: IncomingHttpHeaders): number
  headers(headers: IncomingHttpHeaders): IncomingHttpHeaders
  /** The way back of its answers. */
  exchange: typeof Exchange
}
