/**
 * Upgraded connections (WebSocket and others) to `http` functions. Until 101 it is a call like any other: it waits, wakes, is replayed.
 * After it both sockets are joined: back-pressure and half-close both ways, an abrupt end on one side ends the other. It holds a slot
 * for as long as it lives; the function's timeout bounds the handshake, silence of `idleMs` bounds the rest.
 */
import { ServerResponse, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { HEADER } from '../../api/names.ts'
import type { Call } from '../../routing/call.ts'
import type { CallSink } from '../../routing/call-types.ts'
import { ProblemError } from '../../routing/problems.ts'
import { Exchange, type ExchangeContext } from './exchange.ts'
import { requestIdFrom } from './identity.ts'
import { answerHeaders } from './outgoing-headers.ts'
import type { Pipeline } from './pipeline.ts'
import { endThenCut, sendProblem } from './problem-answer.ts'
import { readHead } from './request-head.ts'

export interface UpgradeRequest {
  request: IncomingMessage
  /** The client's connection, no longer node's. */
  socket: Socket
  /** What the client has sent beyond its request. */
  head: Buffer
}

/** All upgraded connections of a listener, so that they can be ended with it. */
export class Upgrades {
  readonly #open = new Set<Duplex>()
  readonly #pipeline: Pipeline
  readonly #idleMs: number

  constructor(pipeline: Pipeline, idleMs: number) {
    this.#pipeline = pipeline
    this.#idleMs = idleMs
  }

  handle(upgrade: UpgradeRequest): void {
    const { request, socket } = upgrade
    this.#open.add(socket)
    socket.once('close', () => this.#open.delete(socket))
    const response = responseOn(request, socket)
    const head = readHead(request.rawHeaders)
    const requestId = requestIdFrom(head.requestId)
    const { router, metrics, trusted, draining } = this.#pipeline.options
    const admitted = this.#pipeline.admit(request, head)
    if (admitted.kind !== 'admitted' || admitted.lane.fn.signature !== 'http' || head.hasBody) {
      const problem = admitted.kind === 'problem' ? admitted.problem : notUpgradable(request.headers.upgrade)
      metrics.rejected(problem.code)
      return sendProblem(response, { problem, requestId, close: true })
    }
    const { lane, target } = admitted
    const upgradeTo = head.upgrade ?? 'websocket'
    this.#pipeline.complete(head, { requestId, socket })
    const tally = metrics.tally(lane.key)
    const context = { request, response, requestId, trusted, tally, draining, extraHeaders: target.extraHeaders }
    const exchange = new UpgradeExchange(context, upgrade, (pod) => this.#join(socket, pod))
    const { method = 'GET' } = request
    const outgoing = { lane, method, path: target.path, headers: head.headers, body: null, upgrade: upgradeTo }
    exchange.begin(router.call(outgoing, exchange))
  }

  /** Cuts what is still open. */
  destroy(): void {
    for (const socket of this.#open) socket.destroy()
  }

  #join(client: Socket, pod: Duplex): void {
    client.setTimeout(this.#idleMs, () => client.destroy())
    joinSockets(client, pod)
  }
}

class UpgradeExchange extends Exchange implements CallSink {
  readonly #upgrade: UpgradeRequest
  readonly #join: (pod: Duplex) => void
  /** What the client has sent before it may. */
  readonly #early: Buffer[]
  #earlyBytes = 0
  #running: Call | undefined

  constructor(context: ExchangeContext, upgrade: UpgradeRequest, join: (pod: Duplex) => void) {
    super(context)
    this.#upgrade = upgrade
    this.#join = join
    this.#early = upgrade.head.length > 0 ? [upgrade.head] : []
    // Nobody else reads the connection yet: without this a client that goes away would not be noticed.
    upgrade.socket.on('readable', this.#onReadable)
    upgrade.socket.on('end', this.#onEarlyEnd)
  }

  override begin(call: Call): void {
    this.#running = call
    super.begin(call)
  }

  onUpgrade(pod: Duplex, headers: IncomingHttpHeaders): void {
    const { response, tally, trusted, requestId } = this.context
    const { socket } = this.#upgrade
    socket.off('readable', this.#onReadable)
    socket.off('end', this.#onEarlyEnd)
    this.upgraded()
    response.detachSocket(socket)
    tally.upgradesOpen++
    socket.once('close', () => {
      tally.upgradesOpen--
      this.#running?.abort(new Error('the connection has ended'))
    })
    if (socket.destroyed) return void pod.destroy()
    socket.write(switchingProtocols(answerHeaders(headers, trusted), { headers, requestId }), 'latin1')
    for (const chunk of this.#early) pod.write(chunk)
    this.#join(pod)
  }

  readonly #onReadable = (): void => {
    while (this.#earlyBytes < EARLY_LIMIT_BYTES) {
      const chunk = this.#upgrade.socket.read() as Buffer | null
      if (chunk === null) return
      this.#earlyBytes += chunk.length
      this.#early.push(chunk)
    }
  }

  readonly #onEarlyEnd = (): void => {
    this.#upgrade.socket.destroy()
  }
}

/** More than this stays in the connection until the function has agreed. */
const EARLY_LIMIT_BYTES = 64 * 1024

function switchingProtocols(kept: string[], from: { headers: IncomingHttpHeaders; requestId: string }): string {
  const { headers, requestId } = from
  const lines = ['HTTP/1.1 101 Switching Protocols', 'connection: Upgrade', `upgrade: ${headers.upgrade ?? ''}`]
  for (let i = 0; i + 1 < kept.length; i += 2) lines.push(`${kept[i]}: ${kept[i + 1]}`)
  lines.push(`${HEADER.requestId}: ${requestId}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** An ordinary answer on a connection that node has handed over: everything but 101. */
function responseOn(request: IncomingMessage, socket: Socket): ServerResponse {
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket)
  response.on('finish', () => {
    response.detachSocket(socket)
    socket.removeAllListeners('readable')
    socket.resume()
    endThenCut(socket)
  })
  socket.on('error', () => socket.destroy())
  return response
}

function notUpgradable(protocol: string | undefined): ProblemError {
  return new ProblemError(
    'upgrade-not-supported',
    `only functions with signature http can switch to ${protocol ?? 'it'}`,
  )
}

/** Bytes both ways with back-pressure; an end is passed on as an end, a reset or error as the end of both. */
function joinSockets(client: Duplex, pod: Duplex): void {
  pod.allowHalfOpen = true
  for (const [from, to] of [
    [client, pod],
    [pod, client],
  ] as const) {
    from.pipe(to)
    from.on('error', () => cut(to))
    from.on('close', () => {
      if (!from.readableEnded || !to.writableEnded) cut(to)
    })
  }
}

/** A reset, so that the other end hears of it even while it is not reading. */
function cut(socket: Duplex): void {
  if (socket instanceof Socket && !socket.destroyed) socket.resetAndDestroy()
  else socket.destroy()
}
