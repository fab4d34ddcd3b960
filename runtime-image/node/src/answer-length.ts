/**
 * Holds an `http` function to the content-length it announced; Node does not. What is over would be read as the beginning of the
 * connection's next answer, somebody else's; what is missing would be waited for until the deadline.
 */
import type { ServerResponse } from 'node:http'
import { inertMethods, isInert } from './inert-response.ts'

/** `complain` is called at most once. */
export function holdToLength(response: ServerResponse, complain: (message: string) => void): void {
  const write = response.write.bind(response) as (...args: unknown[]) => boolean
  const end = response.end.bind(response) as (...args: unknown[]) => ServerResponse
  const length = new AnswerLength(response, complain)
  const taking = (args: unknown[]) => {
    const [chunk, encoding] = args
    const limit = isBody(chunk) ? declaredLength(response) : undefined
    return limit === undefined ? args : [length.take(chunk as string | Uint8Array, encoding, limit), ...args.slice(1)]
  }
  response.write = (...args: unknown[]) =>
    isInert(response) ? inertMethods.write.apply(response, args) : write(...taking(args))
  response.end = (...args: unknown[]) => {
    if (isInert(response)) return inertMethods.end.apply(response, args)
    // A second time: Node knows what to do, and the answer was whole already.
    if (response.writableEnded) return end(...args)
    // Asked before: an end in one piece gets a length from Node.
    const limit = declaredLength(response)
    end(...taking(args))
    if (limit !== undefined) length.checkEnd(limit)
    return response
  }
}

class AnswerLength {
  private readonly response: ServerResponse
  private readonly complain: (message: string) => void
  private sentBytes = 0
  private hasComplained = false

  constructor(response: ServerResponse, complain: (message: string) => void) {
    this.response = response
    this.complain = complain
  }

  /** The part of `chunk` that was announced. */
  take(chunk: string | Uint8Array, encoding: unknown, limit: number): string | Uint8Array {
    const sizeBytes = typeof chunk === 'string' ? Buffer.byteLength(chunk, asEncoding(encoding)) : chunk.byteLength
    const leftBytes = limit - this.sentBytes
    this.sentBytes += Math.min(sizeBytes, leftBytes)
    if (sizeBytes <= leftBytes || hasNoBody(this.response)) return chunk
    this.tell(`The answer is longer than its content-length of ${limit}: the rest is not sent`)
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, asEncoding(encoding)) : chunk
    return bytes.subarray(0, leftBytes)
  }

  checkEnd(limit: number): void {
    const { response } = this
    if (this.sentBytes >= limit || hasNoBody(response)) return
    this.tell(`The answer ended after ${this.sentBytes} bytes, shorter than its content-length of ${limit}: it is cut`)
    response.destroy()
  }

  private tell(message: string): void {
    if (!this.hasComplained) this.complain(message)
    this.hasComplained = true
  }
}

/** As it went out, or will; Node keeps the former under a name of its own, as `writeHead` need not leave it anywhere else. */
export function declaredLength(response: ServerResponse): number | undefined {
  const sent = (response as { _contentLength?: unknown })._contentLength
  const length = response.headersSent ? sent : response.getHeader('content-length')
  return length === undefined || length === null || !(Number(length) >= 0) ? undefined : Number(length)
}

export function hasNoBody({ req, statusCode }: ServerResponse): boolean {
  return req.method === 'HEAD' || statusCode === 204 || statusCode === 304
}

/** Anything else is Node's to refuse. */
function isBody(chunk: unknown): chunk is string | Uint8Array {
  return typeof chunk === 'string' || chunk instanceof Uint8Array
}

function asEncoding(encoding: unknown): BufferEncoding {
  return typeof encoding === 'string' && Buffer.isEncoding(encoding) ? encoding : 'utf8'
}
