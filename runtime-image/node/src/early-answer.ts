/**
 * Answers that come before the request's body is whole, on a connection that ends with them: `connection: close`, as Fastify answers bodies that
 * are too large, or a pod that leaves. Node closes at once; what is still on its way is answered with a reset, which the caller may meet before
 * it has read the answer.
 */
import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { clearTimeout, setTimeout } from './clock.ts'

/** How long a caller may go on sending after it got its answer. */
const LINGER_MS = 2_000

/** Our side is ended after the answer, what still comes is thrown away, and the connection is cut a little later. */
export function lingerOnClose(request: IncomingMessage): void {
  const { headers, socket } = request
  if (headers['transfer-encoding'] === undefined && !(Number(headers['content-length']) > 0)) return
  socket.destroySoon = () => {
    if (request.complete) Socket.prototype.destroySoon.call(socket)
    else endThenCut(request)
  }
}

function endThenCut(request: IncomingMessage): void {
  const { socket } = request
  request.resume()
  socket.end()
  const cut = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(cut))
}
