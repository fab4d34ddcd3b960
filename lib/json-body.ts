import type { IncomingMessage } from 'node:http'

/** A request body is larger than allowed or not JSON. `status` is what the sender should get. */
export class BodyError extends Error {
  override readonly name = 'BodyError'
  readonly code: 'too-large' | 'not-json' | 'aborted'
  readonly status: number

  constructor(code: BodyError['code'], status: number, message: string) {
    super(message)
    this.code = code
    this.status = status
  }
}

/** Reads a whole body. Throws BodyError: 413 over `limitBytes`, 400 when the client goes away. */
export async function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > limitBytes) throw new BodyError('too-large', 413, `the body may have at most ${limitBytes} bytes`)
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof BodyError) throw error
    throw new BodyError('aborted', 400, 'the client went away before its request was complete')
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size)
}

export async function readJson(request: IncomingMessage, limitBytes: number): Promise<unknown> {
  const body = await readBody(request, limitBytes)
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    throw new BodyError('not-json', 400, 'the body must be JSON')
  }
}
