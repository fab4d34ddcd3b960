import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

/**
 * Ports below those the system gives to connections and to listeners that do not care (on Linux from 32768, elsewhere from 49152, see
 * ip(7), `ip_local_port_range`): between `release` and the listener it was held for nobody else comes upon it by chance.
 */
const FIRST = 20_000
const LAST = 29_999
const ATTEMPTS = 100

export interface HeldPort {
  readonly port: number
  /** Frees it for whoever is to listen there. A second call does nothing. */
  release(): Promise<void>
}

/** A free port, kept from others: functions are told the platform's address before its gateway listens there. */
export async function holdFreePort(host: string): Promise<HeldPort> {
  for (let attempt = 1; ; attempt++) {
    const port = randomInt(FIRST, LAST + 1)
    const server = createServer()
    const error = await listening(server, { host, port })
    if (error === undefined) return { port, release: () => release(server) }
    if (error.code !== 'EADDRINUSE' || attempt === ATTEMPTS) throw error
  }
}

function listening(
  server: Server,
  address: { host: string; port: number },
): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    server.once('error', resolve)
    server.listen({ ...address, exclusive: true }, () => resolve(undefined))
  })
}

async function release(server: Server): Promise<void> {
  if (!server.listening) return
  server.close()
  await once(server, 'close')
}
