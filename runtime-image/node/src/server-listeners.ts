/**
 * What the listeners of an exported http.Server return. An emitter drops it: an async listener that rejects would end the process and the calls
 * of everybody else. Listeners are wrapped the way Node's own `once` does it, so that `off` and `listeners` find what the user added, and `emit`
 * stays the way in, which instrumentation patches.
 */
import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { AnyFunction } from './load-handler.ts'
import type { ServerLike } from './server-like.ts'

export interface ServerEvent {
  name: 'request' | 'upgrade'
  args: [IncomingMessage, ...unknown[]]
  onRejected: (error: unknown) => void
}

type Listener = AnyFunction & { listener?: unknown }

const catchers = new WeakMap<object, ServerEvent['onRejected']>()
const wrapped = new WeakSet<object>()

export function emitCatching(server: ServerLike, event: ServerEvent): void {
  catchers.set(event.args[0], event.onRejected)
  // With captureRejections the user has said what is to happen.
  if (server instanceof EventEmitter && !EventEmitter.captureRejections) wrapListeners(server, event.name)
  server.emit(event.name, ...event.args)
}

/** Before every event, as listeners may come and go. Not through methods of the server's own: they may be patched to see each listener once. */
function wrapListeners(server: EventEmitter, name: string): void {
  const own = EventEmitter.prototype
  const listeners = own.rawListeners.call(server, name) as Listener[]
  if (!listeners.some(isPlain)) return
  own.removeAllListeners.call(server, name)
  for (const listener of listeners) own.on.call(server, name, isPlain(listener) ? wrap(listener) : listener)
}

/** Neither ours nor one of `once`, which removes itself by its identity. */
function isPlain(listener: Listener): boolean {
  return !wrapped.has(listener) && listener.listener === undefined
}

function wrap(listener: AnyFunction): AnyFunction {
  return Object.assign(catching(listener), { listener })
}

/** Also for those who call it in the server's place. */
export function catching(listener: AnyFunction): AnyFunction {
  const wrapper = function (this: unknown, ...args: unknown[]): unknown {
    const result = listener.apply(this, args)
    const onRejected = catchers.get(args[0] as object)
    if (onRejected !== undefined && result instanceof Promise) result.catch(onRejected)
    return result
  }
  wrapped.add(wrapper)
  return wrapper
}
