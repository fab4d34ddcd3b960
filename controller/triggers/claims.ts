/** Who gets a route when several Triggers claim it. Pure. */
import type { ObjectKey } from '../../api/names.ts'
import type { HttpTrigger } from '../../api/trigger.ts'

export interface Claimant {
  key: ObjectKey
  createdAtMs: number
  http: Pick<HttpTrigger, 'hosts' | 'path' | 'pathType' | 'methods'>
}

export type Claim = { kind: 'accepted' } | { kind: 'conflicted'; winner: ObjectKey; route: string }

/**
 * Two Triggers claim the same route when host, path and path type are the same and their methods overlap. `shop.example.com`,
 * `*.example.com` and "every host" are three different hosts: the gateway prefers the most specific, nobody has to yield.
 * The older Trigger wins, at equal age the one whose namespace/name sorts first. A Trigger that loses one of its routes gets none:
 * half a trigger would be harder to understand than a refused one, and what it does not get stays free for younger ones.
 * Linear in the number of claims: accepted owners of one slot have disjoint methods, so there are never more than there are methods.
 */
export function resolveClaims(claimants: readonly Claimant[]): Map<ObjectKey, Claim> {
  const slots = new Map<string, SlotOwner[]>()
  const byAge = [...claimants].sort((a, b) => a.createdAtMs - b.createdAtMs || (a.key < b.key ? -1 : 1))
  return new Map(byAge.map((claimant) => [claimant.key, claim(claimant, slots)]))
}

interface SlotOwner {
  key: ObjectKey
  /** Empty: all. */
  methods: readonly string[]
}

function claim({ key, http }: Claimant, slots: Map<string, SlotOwner[]>): Claim {
  const names = slotNames(http)
  for (const name of names) {
    const owner = slots.get(name)?.find(({ methods }) => overlap(methods, http.methods))
    if (owner) return { kind: 'conflicted', winner: owner.key, route: name }
  }
  for (const name of names) slots.set(name, [...(slots.get(name) ?? []), { key, methods: http.methods }])
  return { kind: 'accepted' }
}

/** `shop.example.com/cart (Prefix)`; `*` stands for every host. One per host, each once. */
function slotNames({ hosts, path, pathType }: Claimant['http']): string[] {
  const wanted = hosts.length === 0 ? ['*'] : hosts.map((host) => host.toLowerCase())
  const slot = pathType === 'Prefix' ? withoutTrailingSlash(path) : path
  return [...new Set(wanted)].map((host) => `${host}${slot} (${pathType})`)
}

/** A prefix matches whole segments, so `/a` and `/a/` are the same one. */
const withoutTrailingSlash = (path: string) => (path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path)

const overlap = (a: readonly string[], b: readonly string[]) =>
  a.length === 0 || b.length === 0 || a.some((method) => b.includes(method))
