/** A bare TCP client: says exactly these bytes and keeps what comes back. For what real clients do not do or hide. */
import { connect, type Socket } from 'node:net'
import { once } from 'node:events'

export class RawClient {
  readonly socket: Socket
  received = ''
  ended = false
  closed = false
  failed: NodeJS.ErrnoException | undefined

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => (this.received += text))
    socket.on('end', () => (this.ended = true))
    socket.on('close', () => (this.closed = true))
    socket.on('error', (error) => (this.failed = error))
  }

  static async open(port: number): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const client = new RawClient(socket)
    await once(socket, 'connect')
    return client
  }

  send(text: string): this {
    this.socket.write(text, 'latin1')
    return this
  }

  /** Waits until what came matches. */
  async expect(pattern: RegExp, withinMs = 20_000): Promise<string> {
    const endMs = Date.now() + withinMs
    while (!pattern.test(this.received)) {
      if (Date.now() > endMs)
        throw new Error(`expected ${String(pattern)} within ${withinMs} ms, got ${JSON.stringify(this.received)}`)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    return this.received
  }

  async untilClosed(withinMs = 20_000): Promise<void> {
    const endMs = Date.now() + withinMs
    while (!this.closed && !this.ended) {
      if (Date.now() > endMs) throw new Error(`expected the connection to end within ${withinMs} ms`)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }

  close(): void {
    this.socket.destroy()
  }
}
