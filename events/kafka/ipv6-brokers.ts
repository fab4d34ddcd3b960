/** Brokers named by an IPv6 address: kafkajs 2.2.4 takes what is before the first colon of `[fd00::1]:9092` for the host. */
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ISocketFactoryArgs } from 'kafkajs'

/** No top-level domain, and never will be one: RFC 6761. */
const MARK = '.ipv6.invalid'

/** `[fd00::1]:9092` → a name without colons, which `openSocket` knows; others stay. */
export function withoutColons(broker: string): string {
  const [, address, port] = /^\[([^\]]+)\]:(\d+)$/.exec(broker) ?? []
  return address === undefined || port === undefined ? broker : `${address.replaceAll(':', '_')}${MARK}:${port}`
}

/** As kafkajs does it by itself, beside the names of `withoutColons`. */
export function openSocket({ host: name, port, ssl, onConnect }: Omit<ISocketFactoryArgs, 'ssl'> & Ssl): Socket {
  const host = name.endsWith(MARK) ? name.slice(0, -MARK.length).replaceAll('_', ':') : name
  // SNI takes names only.
  const named = isIP(host) === 0 ? { servername: host } : {}
  const socket = ssl ? connectTls({ host, port, ...named, ...ssl }, onConnect) : connect({ host, port }, onConnect)
  return socket.setKeepAlive(true, KEEP_ALIVE_MS)
}

const KEEP_ALIVE_MS = 60_000

interface Ssl {
  /** Their types do not say that it is absent without TLS. */
  ssl?: ISocketFactoryArgs['ssl'] | undefined
}
