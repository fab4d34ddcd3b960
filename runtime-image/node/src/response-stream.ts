/** Lambda's response streaming: the global `awslambda` and the stream a streaming handler writes to. */
import type { ServerResponse } from 'node:http'
import { Writable } from 'node:stream'

export const STREAMING: symbol = Symbol.for('aws.lambda.runtime.handler.streaming')
const PRELUDE_TYPE = 'application/vnd.awslambda.http-integration-response'
const PRELUDE_END = Buffer.alloc(8)

export interface StreamEvents {
  /** Before the first byte leaves: what goes into the head. */
  headers: () => Record<string, string>
  /** The handler ended the stream: what goes into the trailers. */
  trailers: () => Record<string, string>
}

class TooLateError extends Error {
  override readonly name = 'Runtime.InvalidStreamingOperation'

  constructor() {
    super('Cannot set content-type, too late.')
  }
}

type Write = (this: Writable, ...args: unknown[]) => boolean

export class ResponseStream extends Writable {
  private readonly response: ServerResponse
  private readonly events: StreamEvents
  private contentType = 'application/octet-stream'
  private prelude: string | undefined

  constructor(response: ServerResponse, events: StreamEvents) {
    super()
    this.response = response
    this.events = events
    response.once('close', () => this.destroy())
  }

  /** Throws once the head has left, as Lambda's does: what it said would be lost in silence. */
  setContentType(contentType: string): void {
    if (this.response.headersSent) throw new TooLateError()
    this.contentType = contentType
  }

  /** Metadata that goes before the first byte, closed by eight NUL bytes. */
  setPrelude(prelude: unknown): void {
    this.setContentType(PRELUDE_TYPE)
    this.prelude = JSON.stringify(prelude)
  }

  /** As in Lambda, what is neither text nor bytes goes out as its JSON. */
  override write(chunk: unknown, ...rest: unknown[]): boolean {
    const isBody = typeof chunk === 'string' || chunk instanceof Uint8Array
    return (super.write as Write).call(this, isBody ? chunk : JSON.stringify(chunk), ...rest)
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.begin()
    if (this.response.write(chunk)) done()
    else this.response.once('drain', () => done())
  }

  override _final(done: (error?: Error | null) => void): void {
    this.begin()
    this.response.addTrailers(this.events.trailers())
    this.response.end(() => done())
  }

  private begin(): void {
    if (this.response.headersSent) return
    this.response.writeHead(200, { 'content-type': this.contentType, ...this.events.headers() })
    if (this.prelude === undefined) this.response.flushHeaders()
    else this.response.write(Buffer.concat([Buffer.from(this.prelude), PRELUDE_END]))
  }
}

/** The global as Lambda's Node runtime has it. */
export const awslambda = {
  streamifyResponse<T extends object>(handler: T, options?: { highWaterMark?: number }): T {
    Object.assign(handler, { [STREAMING]: 'response' })
    if (options?.highWaterMark !== undefined) {
      Object.assign(handler, {
        [Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark')]: options.highWaterMark,
      })
    }
    return handler
  },
  HttpResponseStream: {
    from(stream: ResponseStream, prelude: unknown): ResponseStream {
      stream.setPrelude(prelude)
      return stream
    },
  },
}
