/** Signature `cloudevent`: `(event, context)` with one plain object; its result is the answer's JSON. */
import type { IncomingHttpHeaders } from 'node:http'
import { answerJson } from './answer.ts'
import { parseCloudEvent } from './cloudevent.ts'
import type { LambdaContext } from './context.ts'
import { platformError } from './error-object.ts'
import type { Execution } from './execution.ts'
import type { AnyFunction } from './load-handler.ts'

export interface CloudEventCall {
  execution: Execution
  handler: AnyFunction
  context: LambdaContext
  headers: IncomingHttpHeaders
  body: Buffer
}

export function invokeCloudEvent({ execution, handler, context, headers, body }: CloudEventCall): void {
  const parsed = parseCloudEvent(headers, body)
  if (parsed.kind === 'invalid') {
    const error = platformError('InvalidCloudEvent', `Not a CloudEvent: ${parsed.message}`)
    execution.reject((response) => answerJson(response, parsed.status, error))
    return
  }
  execution.start()
  run(handler, parsed.event, context).then(
    (result) => execution.succeed(result, 'no-content'),
    (error) => execution.failWith(error),
  )
}

/** A throw becomes a rejection: one way out. */
async function run(handler: AnyFunction, ...args: unknown[]): Promise<unknown> {
  return handler(...args)
}
