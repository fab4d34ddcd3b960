/** Signature `event`: Lambda's `(event, context, callback)` and `awslambda.streamifyResponse` handlers. */
import { EventEmitter } from 'node:events'
import { answerJson } from './answer.ts'
import { setImmediate } from './clock.ts'
import type { LambdaContext } from './context.ts'
import { errorObject, platformError } from './error-object.ts'
import type { Execution } from './execution.ts'
import type { AnyFunction, UserFunction } from './load-handler.ts'
import type { LoopWatch } from './loop-watch.ts'
import { ResponseStream } from './response-stream.ts'

type Handler = Extract<UserFunction, { kind: 'function' }>

export interface EventCall {
  execution: Execution
  handler: Handler
  context: LambdaContext
  body: Buffer
  loop: LoopWatch
  /** Whether the loop belongs to this invocation alone, so that its emptiness says something. */
  isAlone: boolean
}

export function invokeEvent(call: EventCall): void {
  const event = parseEvent(call)
  if (event === undefined) return
  call.execution.start()
  if (call.handler.isStreaming) runStreaming(call, event.value)
  else runPlain(call, event.value)
}

function parseEvent({ body, execution }: EventCall): { value: unknown } | undefined {
  if (body.length === 0) return { value: {} }
  try {
    return { value: JSON.parse(body.toString('utf8')) as unknown }
  } catch (error) {
    const errorMessage = `Could not parse the request body into JSON: ${errorObject(error).errorMessage}`
    execution.reject((response) => answerJson(response, 400, platformError('InvalidRequestContent', errorMessage)))
    return undefined
  }
}

function runPlain(call: EventCall, event: unknown): void {
  const completion = new Completion(call)
  completion.offerOn(call.context)
  try {
    completion.returned(call.handler.call(event, call.context, completion.callback))
  } catch (error) {
    completion.reject(error)
  }
}

/** What ends a plain invocation: a promise, a callback, a plain value, or an empty event loop. The first one counts. */
class Completion {
  private readonly call: EventCall
  private outcome: { result: unknown } | undefined
  private isPromise = false
  private stopWatching: (() => void) | undefined

  constructor(call: EventCall) {
    this.call = call
  }

  readonly callback = (error?: unknown, result?: unknown): void => {
    if (this.outcome !== undefined) return
    if (error !== undefined && error !== null) {
      this.reject(error)
      return
    }
    this.outcome = { result }
    if (this.call.context.callbackWaitsForEmptyEventLoop && this.call.isAlone) this.watch()
    else this.settle()
  }

  /** The three ways of Node 0.10, still found in old functions. */
  offerOn(context: LambdaContext): void {
    context.succeed = (result) => this.resolve(result)
    context.fail = (error) => this.reject(error ?? 'handled')
    context.done = (error, result) =>
      error === undefined || error === null ? this.resolve(result) : this.reject(error)
  }

  returned(value: unknown): void {
    if (isThenable(value)) {
      this.isPromise = true
      value.then(
        (result) => this.resolve(result),
        (error) => this.reject(error),
      )
    } else if (value !== undefined && this.call.handler.length < 3 && !isHandle(value)) {
      this.resolve(value)
    }
    setImmediate(() => this.watch())
  }

  reject(error: unknown): void {
    if (this.outcome !== undefined) return
    this.outcome = { result: undefined }
    this.stopWatching?.()
    this.call.execution.failWith(error)
  }

  private resolve(result: unknown): void {
    this.outcome ??= { result }
    this.settle()
  }

  private settle(): void {
    this.stopWatching?.()
    this.call.execution.succeed(this.outcome?.result, 'null')
  }

  private watch(): void {
    if (this.call.execution.isOver || this.stopWatching !== undefined) return
    if (this.isPromise && !this.call.isAlone) return
    this.stopWatching = this.call.loop.start(() => this.drained())
    // Not when its caller goes away: the handler still runs, and its slot is its own until it ends.
    this.call.execution.onOver = this.stopWatching
  }

  private drained(): void {
    if (this.outcome === undefined && this.isPromise) this.call.execution.fail('unhandled', neverSettled())
    else this.call.execution.succeed(this.outcome?.result, 'null')
  }
}

function neverSettled(): ReturnType<typeof platformError> {
  return platformError(
    'Runtime.NodeJsExit',
    "The handler's promise was never settled: nothing is left in the event loop that could settle it",
  )
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

/** `(event, context) => setTimeout(…)` returns a timer by accident, not as its answer. */
function isHandle(value: unknown): boolean {
  return value instanceof EventEmitter || typeof (value as { hasRef?: unknown } | null)?.hasRef === 'function'
}

const REPORT = 'dormouse-report'

function runStreaming(call: EventCall, event: unknown): void {
  const { execution, context } = call
  let hasHandlerEnded = false
  const stream = new ResponseStream(execution.response, {
    headers: () => ({ trailer: execution.invocation.tail === undefined ? REPORT : `${REPORT}, dormouse-log-result` }),
    trailers: () => (execution.isOver ? {} : execution.end()),
  })
  const fail = (error: unknown) => {
    execution.failWith(error)
    stream.destroy()
  }
  stream.on('error', (error) => fail(error))
  // A reader that went away does not free the slot: the handler still runs.
  stream.on('close', () => hasHandlerEnded && abandon(call, stream))
  const drained = () => {
    if (hasHandlerEnded) return void stream.end()
    execution.fail('unhandled', neverSettled())
    stream.destroy()
  }
  const watch = () => {
    if (!execution.isOver) execution.response.once('close', call.loop.start(drained))
  }
  if (call.isAlone) setImmediate(watch)
  const ended = () => {
    hasHandlerEnded = true
    if (stream.destroyed) abandon(call, stream)
  }
  startStreaming(call.handler.call, [event, stream, context]).then(ended, (error: unknown) => {
    if (!stream.writableEnded) {
      fail(error)
      return
    }
    execution.failedAfterAnswer(error)
    ended()
  })
}

async function startStreaming(handler: AnyFunction, args: unknown[]): Promise<void> {
  await handler(...args)
}

/** The reader went away, or the handler destroyed the stream: there is no whole answer. */
function abandon({ execution }: EventCall, stream: ResponseStream): void {
  if (execution.isOver) return
  execution.end()
  if (!stream.writableFinished) execution.response.destroy()
}
