/** A URL's host as sockets and `isIP` take it: IPv6 addresses without their brackets. */
export function bareHost(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '')
}
