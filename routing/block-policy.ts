/** How long a pod is left out of the choice, by what it did. */
import { backoffMs, type Backoff } from '../lib/backoff.ts'

export type BlockCause = 'busy' | 'leaving' | 'not-specialized' | 'unreachable'

const BACKOFFS: Record<BlockCause, Backoff> = {
  /** It runs all it may: requests of other data planes or ones that are just ending. */
  busy: { firstMs: 20, longestMs: 320 },
  /** It will not come back; the feed takes it away. */
  leaving: { firstMs: 60_000, longestMs: 60_000 },
  /** Its container was restarted; the controller replaces it. */
  'not-specialized': { firstMs: 10_000, longestMs: 10_000 },
  /** Nobody listens there: gone, or the network is. */
  unreachable: { firstMs: 500, longestMs: 8_000 },
}

/** Doubles with every strike in a row. */
export function blockMs(cause: BlockCause, strikes: number): number {
  return backoffMs(strikes, BACKOFFS[cause])
}
