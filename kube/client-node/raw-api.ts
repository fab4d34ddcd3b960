/**
 * Requests of our own to an API server: what the Cluster port has no verb for (logs, service proxies, port-forwards, its version).
 * Says who we are and waits as long as it takes; what an answer means is the caller's.
 */
import { fetch, WebSocket, type Dispatcher } from 'undici'
import type { ClusterAccess } from './cluster-access.ts'
import { Connections } from './connections.ts'

export interface RawApi {
  /** Any status is an answer; rejects when there is none. No time limit of its own: a log may be silent for hours. */
  request(path: string, init?: RequestInit): Promise<Response>
  /** Not open yet. */
  webSocket(path: string, protocols: readonly string[]): Promise<WebSocket>
  /** Ends what is under way. */
  close(): Promise<void>
}

interface Session {
  headers: Record<string, string>
  dispatcher: Dispatcher
}

export function createRawApi(access: ClusterAccess): RawApi {
  const connections = new Connections()
  const session = async (): Promise<Session> => {
    const credentials = await access.credentials()
    return { headers: credentials.headers, dispatcher: connections.for('watch', credentials).compose(patiently) }
  }
  const once = async (path: string, init: RequestInit): Promise<Response> => {
    const { headers: ours, dispatcher } = await session()
    const headers = new Headers(init.headers)
    for (const [name, value] of Object.entries(ours)) headers.set(name, value)
    // The same class by its interface; the type of a body differs between the two libraries' declarations.
    return await fetch(`${access.server}${path}`, { ...(init as object), headers: [...headers], dispatcher })
  }
  return {
    async request(path, init = {}) {
      const response = await once(path, init)
      if (response.status !== 401) return response
      // A token that has just expired: read it anew, once. Whoever sends a stream cannot send it twice.
      if (init.body instanceof ReadableStream) return response
      await response.body?.cancel()
      access.refresh()
      return once(path, init)
    },
    async webSocket(path, protocols) {
      const { headers, dispatcher } = await session()
      const url = `${access.server.replace(/^http/, 'ws')}${path}`
      return new WebSocket(url, { protocols: [...protocols], headers, dispatcher })
    },
    close: () => connections.close(),
  }
}

/** undici gives up after 300 s without a byte. */
const patiently: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) =>
  dispatch({ ...options, headersTimeout: 0, bodyTimeout: 0 }, handler)
