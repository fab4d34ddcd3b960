/**
 * The server that user code finds behind a connection (`request.socket.server`). Libraries add listeners to it, Socket.IO in a Next.js route and
 * http-proxy-middleware do, or close it. It is the one that was exported, or one that stands for the handler; never ours, which decides who is let in.
 */
import { createServer, type Server } from 'node:http'
import type { Socket } from 'node:net'
import type { AnyFunction, UserFunction } from './load-handler.ts'
import { catching } from './server-listeners.ts'
import { letClose, type ServerLike } from './server-like.ts'

type HttpFunction = Extract<UserFunction, { kind: 'function' }>
type EventName = 'request' | 'upgrade'

interface StandIn {
  server: Server
  listeners: Record<EventName, AnyFunction | undefined>
}

const standIns = new WeakMap<HttpFunction, StandIn>()

export function showServer(socket: Socket, user: UserFunction): void {
  Object.assign(socket, { server: user.kind === 'server' ? user.server : standInOf(user).server })
}

/** Who takes an event: a server with its listeners, or the handler itself as long as nobody has added or taken any. */
export function takerOf(user: UserFunction, name: EventName): ServerLike | undefined {
  if (user.kind === 'server') return user.server
  const { server, listeners } = standInOf(user)
  const now = server.rawListeners(name)
  const isUntouched = listeners[name] === undefined ? now.length === 0 : now.length === 1 && now[0] === listeners[name]
  return isUntouched ? undefined : server
}

function standInOf(user: HttpFunction): StandIn {
  const known = standIns.get(user)
  if (known !== undefined) return known
  const request = catching(user.call)
  const upgrade = user.upgrade && catching(user.upgrade)
  const server = createServer(request)
  if (upgrade !== undefined) server.on('upgrade', upgrade)
  letClose(server)
  const made = { server, listeners: { request, upgrade } }
  standIns.set(user, made)
  return made
}
