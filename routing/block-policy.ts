/** How long a pod is left out of the choice, by what it did. */
export type BlockCause = 'busy' | 'leaving' | 'not-specialized' | 'unreachable'

const FIRST_MS: Record<BlockCause, number> = {
  /** It runs all it may: requests of other data planes or ones that are just ending. */
  busy: 20,
  /** It will not come back; the feed takes it away. */
  leaving: 60_000,
  /** Its container was restarted; the controller replaces it. */
  'not-specialized': 10_000,
  /** Nobody listens there: gone, or the network is. */
  unreachable: 500,
}
const LONGEST_MS: Record<BlockCause, number> = {
  busy: 320,
  leaving: 60_000,
  'not-specialized': 10_000,
  unreachable: 8_000,
}

/** Doubles with every strike in a row. */
export function blockMs(cause: BlockCause, strikes: number): number {
  return Math.min(LONGEST_MS[cause], FIRST_MS[cause] * 2 ** Math.min(Math.max(0, strikes - 1), 16))
}
