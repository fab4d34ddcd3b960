/**
 * Whether a broker answers, asked in Kafka's own words without a client library: a metadata request of version 1 (KIP-4; Kafka 4 still
 * takes it) names no topic and is answered with the brokers there are.
 */
import { connect } from 'node:net'

const METADATA = 3
const VERSION = 1
const CORRELATION = 7

/** How many brokers of the cluster this one sees alive. Rejects when it does not answer in time. */
export async function countBrokers(host: string, port: number, timeoutMs = 1_000): Promise<number> {
  const answer = await exchange({ host, port, timeoutMs })
  if (answer.length < 8 || answer.readInt32BE(0) !== CORRELATION)
    throw new Error(`${host}:${port} does not speak Kafka`)
  return answer.readInt32BE(4)
}

function exchange({ host, port, timeoutMs }: { host: string; port: number; timeoutMs: number }): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: timeoutMs })
    let received = Buffer.alloc(0)
    socket.on('error', reject)
    socket.on('timeout', () => socket.destroy(new Error(`${host}:${port} does not answer within ${timeoutMs} ms`)))
    socket.on('close', () => reject(new Error(`${host}:${port} closed the connection`)))
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return
      resolve(received.subarray(4))
      socket.destroy()
    })
    socket.write(request())
  })
}

/** Size, api key, version, correlation id, no client id, an empty list of topics. */
function request(): Buffer {
  const frame = Buffer.alloc(18)
  frame.writeInt32BE(14, 0)
  frame.writeInt16BE(METADATA, 4)
  frame.writeInt16BE(VERSION, 6)
  frame.writeInt32BE(CORRELATION, 8)
  frame.writeInt16BE(-1, 12)
  frame.writeInt32BE(0, 14)
  return frame
}
