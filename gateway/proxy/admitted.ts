import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Lane } from '../../routing/lane.ts'
import type { RequestHead } from './request-head.ts'
import type { Target } from './target.ts'

/** A request that has been matched to a function. */
export interface Admitted {
  request: IncomingMessage
  response: ServerResponse
  head: RequestHead
  requestId: string
  /** Address of who asked; see trusted-proxies.ts. */
  client: string
  target: Target
  lane: Lane
  expectsContinue: boolean
  draining: () => boolean
}
