import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'

/** A port that nobody listens on now: functions are told the platform's address before its gateway listens there. */
export async function freePort(host: string): Promise<number> {
  const server = createServer().listen({ host, port: 0, exclusive: true })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
