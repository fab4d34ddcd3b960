/**
 * An `http` function that answers before it was sent everything, "too large" for instance, and asks for its connection to be closed: a close with
 * unread bytes is a reset, on which the caller, still writing, loses the answer. The caller has read that nothing comes after it, and closes.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { declaredLength, hasNoBody } from './answer-length.ts'

/** To be called when all of the answer was written, before Node looks whether to close. */
export function leaveOpen(request: IncomingMessage, response: ServerResponse): void {
  if (!request.complete && hasItsOwnEnd(response)) (response as { _last?: boolean })._last = false
}

/** Not told by the connection's. */
function hasItsOwnEnd(response: ServerResponse): boolean {
  return response.chunkedEncoding || declaredLength(response) !== undefined || hasNoBody(response)
}
