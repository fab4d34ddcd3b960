/** What callers of Lambda's Invoke actions are told when a runtime's answer is none that they could use. Pure. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Signature } from '../../api/function.ts'
import { HEADER } from '../../api/names.ts'
import { ProblemError } from '../../routing/problems.ts'
import { textIn } from '../json-text.ts'

/** No JSON, no CloudEvent, several of them. */
const REFUSALS: ReadonlySet<number> = new Set([400, 415])

/** Whether a runtime does not take the payload: functions say no status themselves, but for those of signature `http`. */
export function isRefusal(
  status: number,
  { from, signature }: { from: IncomingHttpHeaders; signature: Signature | undefined },
): boolean {
  return REFUSALS.has(status) && signature !== 'http' && from[HEADER.error] === undefined
}

/** In the runtime's words, as far as it has some. */
export function refusalOf(body: Buffer): ProblemError {
  const said = textIn(body, 'errorMessage') ?? ''
  return new ProblemError('invalid-event', said === '' ? 'expected a payload that the function takes' : said)
}

/** The error object of an answer that broke off. */
export const BROKEN_OFF = JSON.stringify({
  errorType: 'Runtime.StreamError',
  errorMessage: 'the answer broke off: the function failed, ran too long, or its pod ended',
})

/** That of one that is larger than callers are given. */
export function largerThan(limitBytes: number): string {
  const errorMessage = `Response payload size exceeded maximum allowed payload size (${limitBytes} bytes).`
  return JSON.stringify({ errorType: 'Function.ResponseSizeTooLarge', errorMessage })
}
