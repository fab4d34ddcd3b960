/** Which pods go when there are too many. Pure. */

export interface VictimCandidate {
  uid: string
  /** Requests running in it now, as data planes last reported; 0 when nobody reported any. */
  inFlight: number
  createdAtMs: number
}

/**
 * Idle pods first, then the least busy: their requests finish soonest and callers notice least. Among equals the oldest, which would be
 * rotated next anyway; then by uid, so that the choice does not depend on the order pods are listed in.
 */
export function chooseVictims(candidates: readonly VictimCandidate[], count: number): string[] {
  return [...candidates]
    .sort((a, b) => a.inFlight - b.inFlight || a.createdAtMs - b.createdAtMs || (a.uid < b.uid ? -1 : 1))
    .slice(0, Math.max(0, count))
    .map(({ uid }) => uid)
}
