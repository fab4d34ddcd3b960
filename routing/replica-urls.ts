/** From configured base URLs to those of single replicas. Pure. */
import { isIP } from 'node:net'
import { bareHost } from '../lib/bare-host.ts'

/** The host whose addresses are one replica each; undefined when the URL is one replica as it is: an address, this machine, or TLS (to a name). */
export function sharedHost(url: string): string | undefined {
  const { protocol, hostname } = new URL(url)
  const isOne = protocol !== 'http:' || hostname === 'localhost' || isIP(bareHost(hostname)) !== 0
  return isOne ? undefined : hostname
}

/** Each once, in an order that does not depend on the resolver's. Hosts that are not resolved yet have none. */
export function replicaUrls(
  configured: readonly string[],
  addresses: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  const urls = configured.flatMap((url) => {
    const host = sharedHost(url)
    if (host === undefined) return [url]
    return [...(addresses.get(host) ?? [])].sort().map((address) => withHost(url, address))
  })
  return [...new Set(urls)]
}

function withHost(url: string, address: string): string {
  const { port } = new URL(url)
  const host = isIP(address) === 6 ? `[${address}]` : address
  return `http://${host}${port === '' ? '' : `:${port}`}`
}
