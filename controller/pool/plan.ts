/** Which generic pods to make and which to remove. Pure. */

export interface PoolPod {
  uid: string
  /** Waits for a function; false = still booting. */
  ready: boolean
  /** Made from the Runtime as it is now. */
  current: boolean
  createdAtMs: number
}

export interface PoolInput {
  nowMs: number
  /** Pods that should wait; 0 also when the Runtime is gone. */
  size: number
  /** Some Function of the namespace uses the Runtime. */
  used: boolean
  pods: readonly PoolPod[]
  /** Asked of the API, not yet in `pods`. */
  creating: number
  /** Starts that wait for a pod of this pool: booting ones are theirs. */
  waiting: number
  /** Epoch ms before which none is made: starts come first, everywhere. */
  refillAtMs: number
  /** Of pods that did not come up. */
  boot: { failures: number; notBeforeMs: number }
}

export interface PoolPlan {
  create: number
  remove: string[]
  /** Epoch ms at which to plan again without any change. */
  againAtMs?: number
}

/** A pod above the size, or booting from another template, is kept this long: another controller may have made it for a start of its own. */
const SURPLUS_AFTER_MS = 5_000

export function planPool(input: PoolInput): PoolPlan {
  const { pods, size, creating, waiting } = input
  const current = pods.filter(({ current }) => current)
  // Starts that wait make their own pods; here is only what would wait in the pool.
  const missing = waiting > 0 ? 0 : size - current.length - creating
  const removal = planRemoval(input, current)
  const creation = missing > 0 ? planCreation(input, missing) : { create: 0 }
  const again = Math.min(removal.againAtMs, creation.againAtMs ?? Infinity)
  return { create: creation.create, remove: removal.remove, ...(again !== Infinity && { againAtMs: again }) }
}

function planCreation(input: PoolInput, missing: number): { create: number; againAtMs?: number } {
  const { nowMs, refillAtMs, boot, pods, creating } = input
  const startAtMs = Math.max(refillAtMs, boot.notBeforeMs)
  if (startAtMs > nowMs) return { create: 0, againAtMs: startAtMs }
  if (boot.failures === 0) return { create: missing }
  // While pods die one after the other, one at a time is tried.
  const booting = creating + pods.filter(({ ready, current }) => current && !ready).length
  return { create: booting === 0 ? 1 : 0 }
}

function planRemoval(
  { nowMs, size, used, pods, waiting }: PoolInput,
  current: PoolPod[],
): { remove: string[]; againAtMs: number } {
  const stale = pods.filter(({ current }) => !current)
  const surplus = Math.max(0, current.length - size - waiting)
  // Booting before ready, young before old: the least is lost.
  const candidates = [...current].sort((a, b) => Number(a.ready) - Number(b.ready) || b.createdAtMs - a.createdAtMs)
  const chosen = [...stale, ...candidates.slice(0, surplus)]
  const keptUntilMs = ({ current, ready, createdAtMs }: PoolPod) =>
    !used || (ready && !current) ? nowMs : createdAtMs + SURPLUS_AFTER_MS
  const due = chosen.filter((pod) => keptUntilMs(pod) <= nowMs)
  const later = chosen.map(keptUntilMs).filter((untilMs) => untilMs > nowMs)
  return { remove: due.map(({ uid }) => uid), againAtMs: Math.min(Infinity, ...later) }
}
