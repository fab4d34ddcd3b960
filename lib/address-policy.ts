/**
 * Which addresses URLs in manifests may lead to. Whoever may write Functions chooses them, and a process of the platform asks them from a place in
 * the network that their author may not be in: what only this machine and this node should reach is refused.
 */
import { lookup } from 'node:dns'
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net'
import { bareHost } from './bare-host.ts'

const REFUSED = new BlockList()
REFUSED.addSubnet('0.0.0.0', 8, 'ipv4')
/** The process's own pod. */
REFUSED.addSubnet('127.0.0.0', 8, 'ipv4')
/** Metadata services of clouds. */
REFUSED.addSubnet('169.254.0.0', 16, 'ipv4')
REFUSED.addAddress('100.100.100.200', 'ipv4')
REFUSED.addAddress('168.63.129.16', 'ipv4')
REFUSED.addSubnet('224.0.0.0', 3, 'ipv4')
REFUSED.addAddress('::', 'ipv6')
REFUSED.addAddress('::1', 'ipv6')
REFUSED.addSubnet('fe80::', 10, 'ipv6')
REFUSED.addAddress('fd00:ec2::254', 'ipv6')
REFUSED.addSubnet('ff00::', 8, 'ipv6')
/** IPv4 addresses in disguise. */
REFUSED.addSubnet('64:ff9b::', 96, 'ipv6')
REFUSED.addSubnet('2002::', 16, 'ipv6')

export interface AddressPolicy {
  /** Local mode: the author and the controller are on one machine. */
  allowsLoopback: boolean
}

export function isAllowedAddress(address: string, { allowsLoopback }: AddressPolicy): boolean {
  if (isIP(address) === 0) return false
  if (allowsLoopback && (address === '::1' || address.startsWith('127.'))) return true
  // Node looks through ::ffff:a.b.c.d by itself.
  return !REFUSED.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}

/** Of a URL: an address that is written out is never looked up, so that it has to be judged before. True of names. */
export function mayBeAsked({ hostname }: URL, policy: AddressPolicy): boolean {
  const host = bareHost(hostname)
  return isIP(host) === 0 || isAllowedAddress(host, policy)
}

/** Judges every address of a name in the moment it is connected to: a name may change its mind between two questions. */
export function guardedLookup(policy: AddressPolicy, refusal: (hostname: string) => Error): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 0)
      const allowed = addresses.filter(({ address }) => isAllowedAddress(address, policy))
      const [first] = allowed
      if (first === undefined) return callback(refusal(hostname), '', 0)
      if (options.all === true) return callback(null, allowed)
      callback(null, first.address, first.family)
    })
  }
}
