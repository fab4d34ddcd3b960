/** Whether another installation has this cluster. Pure. */
import { claimLease, sightLease, type LeaseSighting } from '../../kube/lease-claim.ts'
import type { Lease } from '../../kube/objects.ts'

export interface RivalInput {
  /** Of all installations, ours among them once it is there. */
  leases: readonly Lease[]
  own: { namespace: string; name: string }
  /** Of the last look, by `namespace/name`. */
  sightings: ReadonlyMap<string, LeaseSighting>
  nowMs: number
}

export interface RivalVerdict {
  /** Namespace of the installation that was here first and lives: we do nothing. */
  rival: string | undefined
  /** Namespaces of those that came after us and live: they do nothing. */
  younger: string[]
  sightings: Map<string, LeaseSighting>
}

/**
 * All see the same Leases, so all decide the same: of those that live the oldest has the cluster. One that is seen for the first time counts as
 * living until it has been silent for as long as it promised not to be.
 */
export function decideRival({ leases, own, sightings, nowMs }: RivalInput): RivalVerdict {
  const isOwn = ({ metadata }: Lease) => metadata.name === own.name && metadata.namespace === own.namespace
  const ours = leases.find(isOwn)
  const seen = new Map<string, LeaseSighting>()
  const living = leases.filter((lease) => {
    if (isOwn(lease)) return false
    const sighting = sightLease(lease, sightings.get(keyOf(lease)), nowMs)
    seen.set(keyOf(lease), sighting)
    return claimLease(sighting, { identity: '', nowMs }).kind === 'held'
  })
  const older = living.filter((lease) => ours === undefined || isBefore(lease, ours)).sort(byAge)
  return {
    rival: older[0]?.metadata.namespace,
    younger: living.filter((lease) => !older.includes(lease)).map(({ metadata: { namespace = '' } }) => namespace),
    sightings: seen,
  }
}

const keyOf = ({ metadata: { namespace = '', name } }: Lease): string => `${namespace}/${name}`

const isBefore = (a: Lease, b: Lease): boolean => byAge(a, b) < 0

/** Made in one second: by name, which is as good as any. */
function byAge(a: Lease, b: Lease): number {
  const ages = Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp)
  return ages === 0 ? (keyOf(a) < keyOf(b) ? -1 : 1) : ages
}
