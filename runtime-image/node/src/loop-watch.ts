/**
 * Lambda ends a callback's wait, and fails a promise that can never settle, when nothing is left in the event loop. Ours is held
 * open by our own servers and connections; while somebody waits they are let go of, so that Node itself tells when the loop has
 * drained (`beforeExit`), and taken back at once.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'

export class LoopWatch {
  private readonly servers: Server[]
  private readonly sockets = new Set<Socket>()
  private readonly waiting = new Set<() => void>()

  constructor(servers: Server[], process: Pick<NodeJS.Process, 'on'>) {
    this.servers = servers
    for (const server of servers) server.on('connection', (socket: Socket) => this.follow(socket))
    process.on('beforeExit', () => this.drained())
  }

  /** `onDrained` is called once, unless `stop` is called before. */
  start(onDrained: () => void): () => void {
    if (this.waiting.size === 0) this.letGo()
    this.waiting.add(onDrained)
    return () => {
      if (this.waiting.delete(onDrained) && this.waiting.size === 0) this.hold()
    }
  }

  private drained(): void {
    const waiting = [...this.waiting]
    this.waiting.clear()
    this.hold()
    for (const onDrained of waiting) onDrained()
  }

  private follow(socket: Socket): void {
    this.sockets.add(socket)
    socket.once('close', () => this.sockets.delete(socket))
    if (this.waiting.size > 0) socket.unref()
  }

  private letGo(): void {
    for (const server of this.servers) server.unref()
    for (const socket of this.sockets) socket.unref()
  }

  private hold(): void {
    for (const server of this.servers) server.ref()
    for (const socket of this.sockets) socket.ref()
  }
}
