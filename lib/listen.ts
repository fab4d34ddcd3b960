import type { AddressInfo } from 'node:net'
import type { Server } from 'node:http'

/** A port cannot be had; the message names it and says what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
  readonly code = 'listen-failed'
}

export interface ListenAddress {
  /** Absent: every address of this machine, IPv6 and IPv4 alike; IPv4 alone where IPv6 is off. */
  host?: string | undefined
  /** 0 = any free port. */
  port: number
  /** Named in the error: "gateway (public)". */
  purpose: string
}

/** Resolves with the port listened on; rejects with ListenError. */
export function listen(server: Server, { host, port, purpose }: ListenAddress): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) =>
      reject(new ListenError(explain(error, { host, port, purpose }), { cause: error }))
    server.once('error', failed)
    server.listen({ port, ...(host !== undefined && { host }) }, () => {
      server.off('error', failed)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

function explain(error: NodeJS.ErrnoException, { host, port, purpose }: ListenAddress): string {
  if (error.code === 'EADDRINUSE')
    return `port ${port} for ${purpose} is in use on ${host ?? 'this machine'}: end the process that listens there or choose another port`
  if (error.code === 'EACCES')
    return `port ${port} for ${purpose} may not be opened by this user: choose a port above 1023`
  return `cannot listen on ${host === undefined ? `port ${port}` : `${host}:${port}`} for ${purpose}: ${error.message}`
}

/** Stops accepting, ends idle connections, waits for the rest up to `graceMs`, then cuts them. */
export async function closeServer(server: Server, graceMs = 0): Promise<void> {
  if (!server.listening) return
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  if (graceMs <= 0) server.closeAllConnections()
  const cut = setTimeout(() => server.closeAllConnections(), graceMs)
  await closed
  clearTimeout(cut)
}
