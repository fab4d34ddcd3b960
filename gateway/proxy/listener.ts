/**
 * A listener of the data plane: a node:http server with every limit explicit. Owns connections, parser errors and draining; leaves what
 * a request means to the pipeline. Ends gracefully: answers say `connection: close`, what runs may finish until the grace is over.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { closeServer, listen, type ListenAddress } from '../../lib/listen.ts'
import { answerClientError, answerConnect, isAnswering } from './early-errors.ts'

export interface ListenerLimits {
  /** All request headers and the target together; more is 431. */
  maxHeaderBytes: number
  /** The target alone; more is 414. */
  maxUrlBytes: number
  /** Until the headers have arrived; more is 408. */
  headersTimeoutMs: number
  /** Until the whole request has arrived. At least the longest function timeout: an upload may take that long. */
  requestTimeoutMs: number
  /** Idle time between two requests of a connection; longer than that of load balancers in front. */
  keepAliveTimeoutMs: number
  maxConnections: number
}

export interface ListenerHandlers {
  /** `expectsContinue`: the client waits for 100 before it sends the body. */
  onRequest(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void
  onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  onRejected(code: string): void
}

/**
 * Offers to switch to HTTP/2 in clear text or to TLS (RFC 2817) come with ordinary requests of any method and may be ignored
 * (RFC 9110 §7.8). Apache's HttpClient offers TLS with each GET in clear text, and so does what is built on it.
 */
const OFFERS = /^\s*(h2c?|(http|tls)\/[\d.]+)(\s*,\s*(h2c?|(http|tls)\/[\d.]+))*\s*$/i

export class Listener {
  readonly #server: Server

  constructor(limits: ListenerLimits, handlers: ListenerHandlers) {
    this.#server = createServer({
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.min(2_000, limits.headersTimeoutMs),
      noDelay: true,
      // Without a body nothing is read (see RequestHead.hasBody): the life of a stream that ends at once is saved.
      optimizeEmptyRequests: true,
      // Answered by the pipeline, with a problem; node does not look for it in upgrades.
      requireHostHeader: false,
      shouldUpgradeCallback: ({ headers, socket }) => !OFFERS.test(headers.upgrade ?? '') && !isAnswering(socket),
    })
    this.#server.maxConnections = limits.maxConnections
    this.#server.on('request', (request, response) => handlers.onRequest(request, response, false))
    this.#server.on('checkContinue', (request, response) => handlers.onRequest(request, response, true))
    // Others than 100-continue; node would answer 417 with nothing in it.
    this.#server.on('checkExpectation', (request, response) => handlers.onRequest(request, response, false))
    this.#server.on('upgrade', (request, socket, head) => handlers.onUpgrade(request, socket, head))
    this.#server.on('connect', (request, socket) => handlers.onRejected(answerConnect(request, socket)))
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
      const code = answerClientError(error, socket, limits.maxUrlBytes)
      if (code !== undefined) handlers.onRejected(code)
    })
  }

  start(address: ListenAddress): Promise<number> {
    return listen(this.#server, address)
  }

  stop(graceMs: number): Promise<void> {
    return closeServer(this.#server, graceMs)
  }
}
