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
