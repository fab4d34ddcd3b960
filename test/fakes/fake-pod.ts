/**
 * A function pod's data port as docs/runtime-contract.md has it, scriptable: it acknowledges with 102, refuses, answers, and dies in all
 * the ways pods die. Records what it was sent.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { FeedEndpoint } from '../../api/protocol.ts'
import type { ObjectKey } from '../../api/names.ts'
import { hostPort } from '../../controller/fleet/pod-status.ts'

export interface SeenRequest {
  method: string
  url: string
  headers: IncomingMessage['headers']
  rawHeaders: string[]
  trailers: IncomingMessage['trailers']
  body: Buffer
}

/** `body` is undefined when the script reads the request itself (`readsBody: false`). */
export type PodScript = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void

/** How a request ends before the script runs. */
export type PodFault =
  | { refuse: 'busy' | 'leaving' | 'not-specialized' }
  /** Reset before 102. */
  | 'reset-before-ack'
  /** 102, then reset. */
  | 'reset-after-ack'
  /** A whole answer that is not HTTP. */
  | 'garbage'

export interface FakePodOptions {
  id?: string
  function?: ObjectKey
  revision?: string
  acknowledges?: boolean
  /** More at once are refused as busy. */
  concurrency?: number
  /** Listens there; default: 127.0.0.1. */
  host?: string
  script?: PodScript
  /** Called instead of collecting the body first. */
  readsBody?: boolean
  onUpgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
}

let pods = 0

export class FakePod {
  readonly id: string
  readonly seen: SeenRequest[] = []
  /** Requests that reached the handler. */
  executed = 0
  running = 0
  mostRunning = 0
  /** Aborted by the caller before the answer was complete. */
  aborted = 0
  /** Consumed one per request, oldest first. */
  readonly faults: PodFault[] = []
  leaving = false
  /** Takes over every request before the contract begins. */
  beforeServing: ((request: IncomingMessage, response: ServerResponse) => Promise<void>) | undefined
  readonly #options: FakePodOptions
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #port = 0

  constructor(options: FakePodOptions = {}) {
    this.#options = options
    this.id = options.id ?? `pod-${++pods}`
    this.#server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, (request, response) =>
      this.#serve(request, response),
    )
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    if (options.onUpgrade !== undefined) this.#server.on('upgrade', (...all) => this.#upgrade(...all))
  }

  static async start(options: FakePodOptions = {}): Promise<FakePod> {
    const pod = new FakePod(options)
    await pod.listen()
    return pod
  }

  async listen(port = 0): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(port, this.#options.host ?? '127.0.0.1', resolve))
    this.#port = (this.#server.address() as AddressInfo).port
  }

  get port(): number {
    return this.#port
  }

  get connections(): number {
    return this.#sockets.size
  }

  get endpoint(): FeedEndpoint {
    const { function: key = 'default/hello', revision = 'r1', acknowledges = true, host = '127.0.0.1' } = this.#options
    return {
      id: this.id,
      pod: this.id,
      function: key,
      revision,
      address: hostPort(host, this.#port),
      dataKey: `key-of-${this.id}`,
      acknowledges,
    }
  }

  /** As a server does whose keep-alive time-out has passed. */
  closeIdle(): void {
    this.#server.closeIdleConnections()
  }

  /** The process is gone: nobody listens, connections are reset. */
  async kill(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#sockets) socket.resetAndDestroy()
    this.#server.closeAllConnections()
    await closed
  }

  /** Dies of the next request, before 102. */
  dieOfNext(): void {
    this.beforeServing = () => this.kill()
  }

  async stop(): Promise<void> {
    if (this.#server.listening) await this.kill()
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { acknowledges = true } = this.#options
    if (this.beforeServing !== undefined) return void this.beforeServing(request, response).catch(() => undefined)
    const fault = this.faults.shift()
    if (request.headers['dormouse-key'] !== this.endpoint.dataKey)
      return void response.writeHead(403, { 'dormouse-refused': 'not-specialized' }).end('{}')
    if (fault === 'reset-before-ack') return void request.socket.resetAndDestroy()
    if (fault === 'garbage') return void request.socket.end('SSH-2.0-OpenSSH_9.2\r\n\r\n')
    const reason = this.#refusal(fault)
    if (reason !== undefined) return void response.writeHead(503, { 'dormouse-refused': reason }).end('{}')
    if (acknowledges) response.writeProcessing()
    if (fault === 'reset-after-ack') return void setTimeout(() => request.socket.resetAndDestroy(), 5)
    this.#execute(request, response)
  }

  #refusal(fault: PodFault | undefined): string | undefined {
    if (this.leaving) return 'leaving'
    if (typeof fault === 'object') return fault.refuse
    return this.running >= (this.#options.concurrency ?? Infinity) ? 'busy' : undefined
  }

  #execute(request: IncomingMessage, response: ServerResponse): void {
    this.executed++
    this.mostRunning = Math.max(this.mostRunning, ++this.running)
    response.on('close', () => {
      this.running--
      if (!response.writableFinished) this.aborted++
    })
    if (this.#options.readsBody === false) return this.#run(request, response, Buffer.alloc(0))
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => this.#run(request, response, Buffer.concat(chunks)))
    request.on('error', () => undefined)
  }

  #run(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const { method = '', url = '', headers, rawHeaders, trailers } = request
    this.seen.push({ method, url, headers, rawHeaders, trailers, body })
    const script = this.#options.script ?? answerOk
    script(request, response, body)
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { method = '', url = '', headers, rawHeaders, trailers } = request
    const fault = this.faults.shift()
    if (fault === 'reset-before-ack') return void (socket as Socket).resetAndDestroy()
    if (this.leaving || typeof fault === 'object')
      return void socket.end(
        'HTTP/1.1 503 x\r\ndormouse-refused: leaving\r\ncontent-length: 0\r\nconnection: close\r\n\r\n',
      )
    this.executed++
    this.running++
    socket.on('close', () => this.running--)
    this.seen.push({ method, url, headers, rawHeaders, trailers, body: Buffer.alloc(0) })
    this.#options.onUpgrade?.(request, socket, head)
  }
}

function answerOk(_request: IncomingMessage, response: ServerResponse): void {
  const body = '{"ok":true}'
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
  response.end(body)
}
