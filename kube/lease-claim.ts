/** Who may hold a Lease: pure, and blind to the clocks of others. */
import { microTime } from './micro-time.ts'
import type { Lease } from './objects.ts'

/** A state of the Lease, and since when we have seen it unchanged, by our own clock. */
export interface LeaseSighting {
  holder: string
  /** Holder and time of its last renewal, as one text; the time is compared, never read. */
  mark: string
  seenMs: number
  /** As long as the holder has promised to renew within. */
  durationMs: number
}

/** ours: we hold it · free: nobody does, or who did has been silent for too long · held: by another, at least for `forMs`. */
export type LeaseClaim = { kind: 'ours' } | { kind: 'free' } | { kind: 'held'; by: string; forMs: number }

/** The sighting of now: the earlier one as long as nothing has moved. */
export function sightLease({ spec = {} }: Lease, last: LeaseSighting | undefined, nowMs: number): LeaseSighting {
  const { holderIdentity = '', renewTime = '', leaseDurationSeconds = 0 } = spec
  const mark = JSON.stringify([holderIdentity, renewTime])
  if (last?.mark === mark) return last
  return { holder: holderIdentity, mark, seenMs: nowMs, durationMs: leaseDurationSeconds * 1000 }
}

/** By its last sighting, also when it was deleted since: whoever held it may not know yet. Undefined: there has never been one. */
export function claimLease(
  sighting: LeaseSighting | undefined,
  { identity, nowMs }: { identity: string; nowMs: number },
): LeaseClaim {
  if (!sighting) return { kind: 'free' }
  const { holder: by } = sighting
  if (by === identity) return { kind: 'ours' }
  const forMs = sighting.seenMs + sighting.durationMs - nowMs
  return by === '' || forMs <= 0 ? { kind: 'free' } : { kind: 'held', by, forMs }
}

/** What whoever holds it writes: times are for people, transitions count holders. */
export function holdLease(
  old: Lease | undefined,
  { identity, durationMs, nowMs }: { identity: string; durationMs: number; nowMs: number },
): NonNullable<Lease['spec']> {
  const time = microTime(nowMs)
  const isOurs = old?.spec?.holderIdentity === identity
  return {
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(durationMs / 1000),
    renewTime: time,
    ...(!isOurs && { acquireTime: time, leaseTransitions: (old?.spec?.leaseTransitions ?? -1) + 1 }),
  }
}
