/**
 * Whose word counts about the way a request has come. A client may write into forwarding headers whatever it likes: where the proxies in front of
 * the public listener are known, only theirs are passed on, and the client is who the last of them says.
 */
import { BlockList, isIP, isIPv6 } from 'node:net'
import type { RequestHead } from './request-head.ts'

export interface TrustedProxies {
  /** The address of who asked, as far as it can be believed; takes from `head` what cannot. `peer`: the other end of the connection. */
  clientOf: (head: RequestHead, peer: string) => string
}

/** Every one: whatever proxy is in front has to set the headers. Nobody knows which address among them is true, so it is the peer's. */
export const ANY_PROXY: TrustedProxies = { clientOf: (_head, peer) => peer }

const FORWARDING = /^(?:forwarded|x-real-ip|x-forwarded-.*)$/i

/** `ranges`: addresses and CIDR blocks; none: nobody. Throws a RangeError that names the one that is neither. */
export function trustedProxies(ranges: readonly string[]): TrustedProxies {
  const trusted = new BlockList()
  for (const range of ranges) add(trusted, range)
  const has = (address: string) => isIP(address) !== 0 && trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  return {
    clientOf(head, peer) {
      if (has(peer)) return lastBefore(peer, head.forwardedFor, has)
      forget(head)
      return peer
    },
  }
}

function add(list: BlockList, range: string): void {
  const [address = '', bits, ...rest] = range.split('/')
  const family = isIPv6(address) ? 'ipv6' : 'ipv4'
  const most = family === 'ipv6' ? 128 : 32
  const length = bits === undefined ? most : Number(bits)
  const isWhole = /^\d{1,3}$/.test(bits ?? '0') && length <= most
  if (isIP(address) === 0 || rest.length > 0 || !isWhole)
    throw new RangeError(`expected an address or a CIDR block, such as 10.0.0.0/8, got ${JSON.stringify(range)}`)
  list.addSubnet(address, length, family)
}

/** From the nearest back: each trusted proxy has added who it was asked by. */
function lastBefore(peer: string, forwardedFor: string | undefined, isTrusted: (address: string) => boolean): string {
  let nearest = peer
  for (const entry of forwardedFor?.split(',').reverse() ?? []) {
    const address = withoutPort(entry.trim())
    if (isIP(address) === 0) return nearest
    nearest = address
    if (!isTrusted(address)) return nearest
  }
  return nearest
}

/** Some proxies write `192.0.2.1:4711` or `[2001:db8::1]:4711`. */
function withoutPort(entry: string): string {
  return /^\[([^\]]*)\](?::\d+)?$/.exec(entry)?.[1] ?? /^([\d.]+):\d+$/.exec(entry)?.[1] ?? entry
}

function forget(head: RequestHead): void {
  head.forwardedFor = undefined
  head.forwardedProto = undefined
  head.forwardedHost = undefined
  const { headers } = head
  head.headers = headers.filter((_, index) => !FORWARDING.test(headers[index - (index % 2)] as string))
}
