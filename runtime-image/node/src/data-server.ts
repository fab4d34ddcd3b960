/**
 * The data port: who may call, how many at once, and by when. Every refusal comes before anything is executed, every acceptance
 * is acknowledged with 102 before the handler runs. What happens in between is left to the invoke-*.ts of each signature.
 */
import type { AsyncLocalStorage } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { answerFailure, answerJson, problem, refuse } from './answer.ts'
import { PAYLOAD_LIMIT_BYTES, readBody, type Body } from './body.ts'
import { nowDate, nowMs } from './clock.ts'
import { createContext, traceId } from './context.ts'
import { platformError } from './error-object.ts'
import { Execution } from './execution.ts'
import { Invocation } from './invocation.ts'
import type { Invocations } from './invocations.ts'
import { invokeCloudEvent } from './invoke-cloudevent.ts'
import { invokeEvent } from './invoke-event.ts'
import { showServer, takerOf } from './connection-server.ts'
import { invokeHttp, invokeUpgrade, takesUpgrades } from './invoke-http.ts'
import { timeoutMessage } from './log-format.ts'
import type { Logs } from './logs.ts'
import type { LoopWatch } from './loop-watch.ts'
import type { Loaded, Pod } from './pod.ts'
import { takeHead, takeHeadsEarly, type RequestHead } from './request-head.ts'
import type { Specialization } from './specialization.ts'

/** Well above every caller's, so that it is the caller who closes an idle connection. */
const KEEP_ALIVE_MS = 75_000
const HEADERS_TIMEOUT_MS = 10_000
/** What a caller accepts from outside (16 KiB) and what it adds must fit together. */
const LARGEST_HEAD_BYTES = 32 * 1024

export interface DataPorts {
  pod: Pod
  logs: Logs
  scope: AsyncLocalStorage<Invocation>
  invocations: Invocations
  podName: string
  /** Its `env` as it is then: user code may put another in its place. */
  process: Pick<NodeJS.Process, 'env'>
  /** Watches over the data server and whatever else of ours holds the event loop. */
  loop: (servers: Server[]) => LoopWatch
}

export class DataServer {
  readonly server: Server
  private readonly ports: DataPorts
  private readonly loop: LoopWatch
  private hasReportedInit = false

  constructor(ports: DataPorts) {
    this.ports = ports
    this.server = createServer({
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      maxHeaderSize: LARGEST_HEAD_BYTES,
      // A body may take as long as its invocation: the deadline ends both.
      requestTimeout: 0,
      noDelay: true,
      shouldUpgradeCallback: (request) => this.shouldUpgrade(request),
    })
    takeHeadsEarly(this.server)
    hideFromTracers(this.server, () => isServer(ports.pod))
    this.loop = ports.loop([this.server])
    this.server.on('connection', (socket: Socket) => this.onConnection(socket))
    this.server.on('request', (request, response) => this.onRequest(request, response))
    this.server.on('upgrade', (request, socket, head) => this.onUpgrade(request, socket, head))
  }

  /** Node makes requests of the class that the connection's server says. */
  private onConnection(socket: Socket): void {
    const { claim, loaded } = this.ports.pod
    if (claim?.signature === 'http' && loaded !== undefined) showServer(socket, loaded.user)
  }

  private onRequest(request: IncomingMessage, response: ServerResponse): void {
    const head = takeHead(request)
    const { pod, invocations } = this.ports
    const admission = pod.admit(head.key)
    if (admission.kind === 'refused') return refuse(response, admission.reason)
    if (admission.kind === 'wrong-key') return refuseKey(response)
    const { claim, loaded } = pod
    if (claim === undefined || loaded === undefined) return refuse(response, 'not-specialized')
    const invocation = new Invocation(head, deadlineOf(head, claim), () => undefined)
    if (invocation.deadlineMs <= nowMs()) return answerTimeout(response, invocation, claim)
    invocation.fail = (kind, error) => answerFailure(response, { kind, error, isLast: invocation.isLast })
    invocations.accept(invocation, response)
    if (request.httpVersionMinor > 0) response.writeProcessing()
    this.dispatch({ request, response, invocation, claim, loaded })
  }

  private dispatch(accepted: Accepted): void {
    const { request, response, invocation, claim, loaded } = accepted
    const { scope, logs, invocations } = this.ports
    if (claim.signature === 'http') {
      const onClose = () => {
        invocations.release(invocation)
        invocations.closed(response)
      }
      invokeHttp(
        { invocation, user: loaded.user, request, response, onClose },
        { scope, logs, codeDir: loaded.codeDir },
      )
      return
    }
    const execution = this.execution(accepted)
    readBody(request, PAYLOAD_LIMIT_BYTES, (body) => this.onBody(accepted, execution, body))
  }

  private onBody(accepted: Accepted, execution: Execution, body: Body): void {
    if (execution.isOver) return
    if (body.kind === 'aborted') execution.reject((response) => response.destroy())
    else if (body.kind === 'too-large') execution.reject(answerTooLarge)
    else this.ports.scope.run(accepted.invocation, () => this.invoke(accepted, execution, body.bytes))
  }

  private invoke({ request, invocation, claim, loaded }: Accepted, execution: Execution, body: Buffer): void {
    if (loaded.user.kind === 'server') return
    const { head, id: requestId, deadlineMs } = invocation
    const { podName, process } = this.ports
    const context = createContext({ specialization: claim, podName, head, requestId, deadlineMs, now: nowMs })
    const isAlone = claim.concurrency === 1
    if (isAlone) setTrace(process.env, head.traceparent)
    if (claim.signature === 'event') {
      invokeEvent({ execution, handler: loaded.user, context, body, loop: this.loop, isAlone })
    } else {
      invokeCloudEvent({ execution, handler: loaded.user.call, context, headers: request.headers, body })
    }
  }

  private execution({ invocation, response, claim, loaded }: Accepted): Execution {
    return new Execution(invocation, response, {
      logs: this.ports.logs,
      now: nowDate,
      memoryMb: claim.memoryMb,
      timeoutMs: claim.timeoutMs,
      codeDir: loaded.codeDir,
      takeInitMs: () => this.takeInitMs(loaded.initMs),
      release: (done) => this.ports.invocations.release(done),
    })
  }

  private takeInitMs(initMs: number): number | undefined {
    if (this.hasReportedInit) return undefined
    this.hasReportedInit = true
    return initMs
  }

  /** False sends the request the ordinary way, where it is refused, or served by a function that knows no upgrades. */
  private shouldUpgrade(request: IncomingMessage): boolean {
    const { loaded } = this.ports.pod
    if (loaded === undefined || !takesUpgrades(loaded.user)) return false
    return this.ports.pod.admit(takeHead(request).key).kind === 'admitted'
  }

  private onUpgrade(request: IncomingMessage, socket: Duplex, first: Buffer): void {
    const { pod, scope, logs, invocations } = this.ports
    const { claim, loaded } = pod
    if (claim === undefined || loaded === undefined) {
      socket.destroy()
      return
    }
    const head = takeHead(request)
    const invocation = new Invocation(head, deadlineOf(head, claim), () => socket.destroy())
    invocations.acceptUpgrade(invocation, socket)
    socket.write('HTTP/1.1 102 Processing\r\n\r\n')
    const ports = { scope, logs, codeDir: loaded.codeDir }
    invokeUpgrade({ invocation, user: loaded.user, request, socket, head: first }, ports)
  }
}

function isServer({ claim, loaded }: Pod): boolean {
  return claim?.signature === 'http' && loaded !== undefined && takerOf(loaded.user, 'request') !== undefined
}

/** Tracers patch `emit` of all servers. Where the function is a server of its own they would count each request twice: once for ours. */
function hideFromTracers(server: Server, isHidden: () => boolean): void {
  server.emit = (...args: Parameters<EventEmitter['emit']>) => {
    const holder = isHidden() ? EventEmitter.prototype : (Object.getPrototypeOf(server) as EventEmitter)
    return holder.emit.apply(server, args)
  }
}

interface Accepted {
  request: IncomingMessage
  response: ServerResponse
  invocation: Invocation
  claim: Specialization
  loaded: Loaded
}

function deadlineOf(head: RequestHead, claim: Specialization): number {
  return head.deadlineMs ?? nowMs() + claim.timeoutMs
}

/** Nothing was executed, and a caller that goes by what the platform told it may find another pod that knows its key. */
function refuseKey(response: ServerResponse): void {
  const detail = 'dormouse-key is missing or not the one of this pod'
  problem(response, { status: 403, code: 'wrong-key', detail }, { 'dormouse-refused': 'not-specialized' })
}

/** It came too late to be worth starting; nothing ran, so the environment stays. */
function answerTimeout(response: ServerResponse, { id }: Invocation, { timeoutMs }: Specialization): void {
  const message = `RequestId: ${id} Error: ${timeoutMessage(timeoutMs)}`
  answerFailure(response, { kind: 'timeout', error: platformError('Sandbox.Timedout', message) })
}

function answerTooLarge(response: ServerResponse): void {
  const message = `Request must be smaller than ${PAYLOAD_LIMIT_BYTES} bytes`
  answerJson(response, 413, platformError('RequestTooLarge', message))
}

/** Nothing is thrown by an environment that takes nothing. */
function setTrace(env: NodeJS.ProcessEnv, traceparent: string | undefined): void {
  const trace = traceId(traceparent)
  if (trace === undefined) Reflect.deleteProperty(env, '_X_AMZN_TRACE_ID')
  else Reflect.set(env, '_X_AMZN_TRACE_ID', trace)
}
