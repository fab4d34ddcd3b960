import { setImmediate } from './clock.ts'

/** An http.Server of the user's: never listening, it gets the events the data port receives. */
export interface ServerLike {
  emit(event: string, ...args: unknown[]): boolean
  listenerCount(event: string): number
}

export function listensLikeServer(value: unknown): value is ServerLike {
  if (typeof value !== 'object' || value === null) return false
  const { emit, listenerCount } = value as Partial<ServerLike>
  if (typeof emit !== 'function' || typeof listenerCount !== 'function') return false
  return (value as ServerLike).listenerCount('request') > 0 || (value as ServerLike).listenerCount('upgrade') > 0
}

type Close = (done?: (error?: Error) => void) => unknown

/**
 * Its owner closes it when the process is told to end, and goes on when that is done: to Node it would be an error, as it never listened. By then
 * nothing runs and nothing is taken any more, which is what closing means.
 */
export function letClose(server: ServerLike): void {
  const owned = server as ServerLike & { listening?: unknown; close?: Close }
  const { close } = owned
  if (typeof close !== 'function') return
  owned.close = (done) => {
    if (owned.listening !== false) return close.call(server, done)
    setImmediate(() => {
      server.emit('close')
      done?.()
    })
    return server
  }
}
