/** kafkajs's connections, one of which a broker has for fetches and one for everything else. */
import type { Broker, Connection } from './wire.ts'

/** Whoever waits on it for records is not waited for. */
const FETCH_CONNECTION = 1
/** Of an answer's length, which comes first. */
const LENGTH_BYTES = 4

/** Ends a fetch that is on its way. The next one connects anew. */
export async function breakFetch({ connectionPool }: Broker): Promise<void> {
  const connection = connectionPool.pool[FETCH_CONNECTION]
  if (connection !== undefined) await breakConnection(connection)
}

/** kafkajs would wait for the answers of what is on its way, and take what comes on the old socket for the new one's. */
export async function breakConnection(connection: Connection): Promise<void> {
  const { socket } = connection
  for (const event of ['data', 'end', 'timeout', 'error']) socket?.removeAllListeners(event)
  socket?.on('error', () => undefined)
  socket?.destroy()
  connection.rejectRequests(new Error('the connection was closed by us'))
  await connection.disconnect()
}

/** What kafkajs 2.2.4 does wrong with a connection. */
export function mend(connection: Connection): void {
  beginAfresh(connection)
  letGoOfTheDead(connection)
  restWhenIdle(connection.requestQueue)
  lookLessOften(connection.requestQueue)
}

/** After a connection was lost within an answer kafkajs would take the first of the next connection for the rest of it. */
function beginAfresh(connection: Connection): void {
  const connect = connection.connect.bind(connection)
  connection.connect = () => {
    if (!connection.isConnected()) {
      connection.chunks = []
      connection.bytesBuffered = 0
      connection.bytesNeeded = LENGTH_BYTES
    }
    return connect()
  }
}

/**
 * While a broker is away kafkajs closes a connection to it again and again, and a socket that is closed already takes a listener each time:
 * from the eleventh on Node warns of a leak.
 */
function letGoOfTheDead(connection: Connection): void {
  const disconnect = connection.disconnect.bind(connection)
  connection.disconnect = async () => {
    const result = await disconnect()
    const { socket } = connection
    // Its `unref` waits for a connection that never comes.
    if (socket?.destroyed === true) socket.removeAllListeners('connect')
    return result
  }
}

/** Least wait for requests that are held back. */
const CHECK_MS = 10

/**
 * kafkajs looks every millisecond whether a request is held back by throttling, on each connection and for ever: 50 idle consumers are a
 * fifth of a processor. (The first time it asks for a timer of a negative time, of which Node ≥ 24 warns: https://github.com/tulios/kafkajs/issues/1751.)
 */
function restWhenIdle(queue: Connection['requestQueue']): void {
  queue.scheduleCheckPendingRequests = () => {
    if (queue.pending.length === 0 || queue.throttleCheckTimeoutId !== null) return
    const waitMs = Math.max(CHECK_MS, queue.throttledUntil - Date.now())
    queue.throttleCheckTimeoutId = setTimeout(() => {
      queue.throttleCheckTimeoutId = null
      queue.checkPendingRequests()
    }, waitMs)
  }
}

/** For requests that have been waiting too long. */
const LOOK_MS = 1_000

/** kafkajs looks ten times a second, on each connection, and no more once it is being closed. */
function lookLessOften(queue: Connection['requestQueue']): void {
  queue.scheduleRequestTimeoutCheck = () => {
    queue.destroy()
    queue.requestTimeoutIntervalId = setInterval(() => {
      for (const request of [...queue.inflight.values()])
        if (Date.now() - request.sentAt > request.requestTimeout) request.timeoutRequest()
      // What is still on its way on a connection that is being closed is waited for, and must not be waited for without end.
      if (!queue.isConnected() && queue.inflight.size === 0) queue.destroy()
    }, LOOK_MS)
  }
}
