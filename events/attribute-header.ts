/** Attributes of CloudEvents as HTTP headers carry them (HTTP binding 1.0 §3.1.3): every one that comes in is read here. Pure. */

/** `header`: as node and undici read its bytes, in Latin-1. Values may be quoted; what is not percent-encoded UTF-8 is taken as it is. */
export function decodeAttribute(header: string): string {
  const text = asUtf8(header)
  const bare = /^".*"$/.test(text) ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text
  if (!bare.includes('%')) return bare
  try {
    return decodeURIComponent(bare)
  } catch {
    return bare
  }
}

/** Some senders leave UTF-8 as it is. */
function asUtf8(header: string): string {
  if (!/[\x80-\xff]/.test(header)) return header
  const text = Buffer.from(header, 'latin1').toString('utf8')
  return text.includes('\ufffd') ? header : text
}
