import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'

export interface HeldPort {
  readonly port: number
  /** Frees it for whoever is to listen there. A second call does nothing. */
  release(): Promise<void>
}

/** A free port, kept from others: functions are told the platform's address before its gateway listens there. */
export async function holdFreePort(host: string): Promise<HeldPort> {
  const server = createServer().listen({ host, port: 0, exclusive: true })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    async release() {
      if (!server.listening) return
      server.close()
      await once(server, 'close')
    },
  }
}
