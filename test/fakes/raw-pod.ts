/** A pod's data port that says exactly these bytes: for answers that no HTTP server would give. */
import { createServer, type Server, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { FeedEndpoint } from '../../api/protocol.ts'

/** Called with each request's connection, once its head is there. */
export type RawAnswer = (socket: Socket) => void

export class RawPod {
  readonly #sockets = new Set<Socket>()
  readonly #server: Server
  requests = 0

  constructor(answer: RawAnswer) {
    this.#server = createServer((socket) => {
      let head = ''
      this.#sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => this.#sockets.delete(socket))
      socket.on('data', (chunk) => {
        head += chunk.toString('latin1')
        if (!head.includes('\r\n\r\n')) return
        head = ''
        this.requests++
        answer(socket)
      })
    })
  }

  static async start(answer: RawAnswer): Promise<RawPod> {
    const pod = new RawPod(answer)
    await new Promise<void>((resolve) => pod.#server.listen(0, '127.0.0.1', resolve))
    return pod
  }

  get connections(): number {
    return this.#sockets.size
  }

  get endpoint(): FeedEndpoint {
    const address = `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
    const names = { id: 'raw', pod: 'raw', function: 'default/hello', revision: 'r1' } as const
    return { ...names, address, dataKey: 'key-of-raw', acknowledges: true }
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
