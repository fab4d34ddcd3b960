/** How long to wait after failures in a row. */
export interface Backoff {
  /** After the first; each further one doubles it. */
  firstMs: number
  longestMs: number
}

/** `failures` in a row, at least one. */
export function backoffMs(failures: number, { firstMs, longestMs }: Backoff): number {
  return Math.min(longestMs, firstMs * 2 ** (Math.max(1, failures) - 1))
}
