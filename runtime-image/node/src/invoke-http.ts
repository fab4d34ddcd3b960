/** Signature `http`: Node's own `(req, res)`, streaming both ways, and upgrades. */
import type { AsyncLocalStorage } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { answerFailure, type ErrorKind } from './answer.ts'
import { holdToLength } from './answer-length.ts'
import { showServer, takerOf } from './connection-server.ts'
import { leaveOpen } from './early-answer.ts'
import { thrownObject, type ErrorObject } from './error-object.ts'
import { errorRecord } from './error-record.ts'
import { makeInert, restoreMethods } from './inert-response.ts'
import type { Invocation } from './invocation.ts'
import type { UserFunction } from './load-handler.ts'
import type { Logs } from './logs.ts'
import { emitCatching } from './server-listeners.ts'

export interface HttpPorts {
  scope: AsyncLocalStorage<Invocation>
  logs: Logs
  codeDir: string
}

export interface HttpCall {
  invocation: Invocation
  user: UserFunction
  request: IncomingMessage
}

export interface RequestCall extends HttpCall {
  response: ServerResponse
  /** The answer is out or its connection gone. Not a listener: user code may take those away. */
  onClose: () => void
}

export function invokeHttp(call: RequestCall, ports: HttpPorts): void {
  const { invocation, user, request, response, onClose } = call
  invocation.fail = (kind, error) => {
    // An answer that was ended is whole: a later failure is no reason to cut it, only a client that does not take it in time.
    const isWhole = kind === 'timeout' ? response.writableFinished : response.writableEnded
    if (!isWhole) answerInPlace(call, { kind, error })
  }
  response.writeContinue = writeNothing
  holdToLength(response, (message) => ports.logs.log('ERROR', message, invocation))
  watchEnd(request, response, onClose)
  for (const emitter of [request, response]) bindEvents(emitter, invocation, ports.scope)
  showServer(request.socket, user)
  const returned = guard(call, ports, (onRejected) => {
    const server = takerOf(user, 'request')
    if (server !== undefined) return emitCatching(server, { name: 'request', args: [request, response], onRejected })
    return user.kind === 'function' && user.call(request, response)
  })
  // What is returned may throw when it is looked at.
  returned.then((value) => adviseOn(value, call, ports.logs)).catch(() => undefined)
}

/** The handler may still run, and knows nothing of it. */
function answerInPlace(call: RequestCall, failure: { kind: ErrorKind; error: ErrorObject }): void {
  const { invocation, request, response } = call
  invocation.answerBegins()
  const isCut = response.headersSent
  restoreMethods(response)
  // It may yet destroy the connection, which must be nobody else's by then. One that still brings a body is left open: closing it loses the answer.
  if (request.complete) response.shouldKeepAlive = false
  answerFailure(response, { ...failure, isLast: invocation.isLast })
  if (!isCut) makeInert(response)
}

/** The caller has dealt with Expect: a 100 that nobody waits for would end its connection. */
function writeNothing(done?: () => void): void {
  if (done !== undefined) process.nextTick(done)
}

export function takesUpgrades(user: UserFunction): boolean {
  const server = takerOf(user, 'upgrade')
  return server === undefined
    ? user.kind === 'function' && user.upgrade !== undefined
    : server.listenerCount('upgrade') > 0
}

export function invokeUpgrade(call: HttpCall & { socket: Duplex; head: Buffer }, ports: HttpPorts): void {
  const { invocation, user, request, socket, head } = call
  invocation.fail = () => socket.destroy()
  for (const emitter of [request, socket]) bindEvents(emitter, invocation, ports.scope)
  socket.on('error', () => undefined)
  showServer(request.socket, user)
  void guard(call, ports, (onRejected) => {
    const server = takerOf(user, 'upgrade')
    if (server !== undefined)
      return emitCatching(server, { name: 'upgrade', args: [request, socket, head], onRejected })
    return user.kind === 'function' && user.upgrade?.(request, socket, head)
  })
}

/** Node emits a connection's events in the connection's context, not the invocation's: logs from listeners would be nobody's. */
function bindEvents(emitter: EventEmitter, invocation: Invocation, scope: AsyncLocalStorage<Invocation>): void {
  const emit = emitter.emit.bind(emitter)
  emitter.emit = (...args: Parameters<typeof emit>) => scope.run(invocation, () => emit(...args))
}

/** Not as listeners: user code may take those away. */
function watchEnd(request: IncomingMessage, response: ServerResponse, onClose: () => void): void {
  const emit = response.emit.bind(response)
  response.emit = (...args: Parameters<typeof emit>) => {
    if (args[0] === 'close') onClose()
    if (args[0] === 'finish') leaveOpen(request, response)
    return emit(...args)
  }
}

/** A throw and a rejection are the same failure, whether or not the handler is async. */
function guard({ invocation }: HttpCall, ports: HttpPorts, handler: (onRejected: (error: unknown) => void) => unknown) {
  const onRejected = (thrown: unknown) => {
    const error = thrownObject(ports.codeDir, thrown)
    ports.logs.log('ERROR', `Invoke Error \t${JSON.stringify(errorRecord(ports.codeDir, thrown))}`, invocation)
    invocation.fail('handled', error)
  }
  return ports.scope.run(invocation, async () => handler(onRejected)).catch(onRejected)
}

/** Functions come from platforms that take what is returned for the answer: here they would wait for their deadline, and not know why. */
function adviseOn(returned: unknown, { response, invocation }: RequestCall, logs: Logs): void {
  if (response.headersSent || !looksLikeAnswer(returned)) return
  const advice =
    'a function of signature http answers through its second argument (res), one of signature event by returning'
  logs.log('WARN', `What the handler returned is not sent: ${advice}`, invocation)
}

/** Streams, which are often returned, are none, though a response has a status. */
function looksLikeAnswer(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || value instanceof EventEmitter) return false
  const { statusCode, status } = value as { statusCode?: unknown; status?: unknown }
  return typeof statusCode === 'number' || typeof status === 'number'
}
