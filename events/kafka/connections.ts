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

/** After a connection was lost within an answer kafkajs would take the first of the next connection for the rest of it. */
export function beginAfresh(connection: Connection): void {
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
