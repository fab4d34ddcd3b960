/** Real sockets on IPv6: suites that need them are skipped where this machine has none, and their title says why. */
import { describe } from '@jest/globals'
import { networkInterfaces } from 'node:os'

export const IPV6_LOOPBACK = '::1'

/** As `describe`, where this machine has ::1. */
export function describeWithIpv6(title: string, suite: () => void): void {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address))
  if (addresses.includes(IPV6_LOOPBACK)) return describe(title, suite)
  return describe.skip(`${title} [skipped: this machine has no address ${IPV6_LOOPBACK}]`, suite)
}
