/**
 * Which addresses archives may be fetched from. Pure. Whoever may write Functions chooses the URL, and the controller asks it from a place in the
 * network that its author may not be in: what only this machine and this node should reach is refused.
 */
import { BlockList, isIP, isIPv6 } from 'node:net'

const REFUSED = new BlockList()
REFUSED.addSubnet('0.0.0.0', 8, 'ipv4')
/** The controller's own pod. */
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
