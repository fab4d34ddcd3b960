/** Which records of a batch wait because of one before them. Pure. */
import type { Delivery, DeliveryOutcome } from '../../events/delivery.ts'
import type { Ordering } from '../../events/subscription.ts'

/**
 * Of a batch that goes in several calls: who of those that are left may not be sent after these outcomes, and what becomes of it. A function
 * that cannot run holds up all; one that failed holds up what its ordering says.
 */
export function heldUp(
  ordering: Ordering,
  outcomes: ReadonlyMap<Delivery, DeliveryOutcome>,
  left: readonly Delivery[],
): Map<Delivery, DeliveryOutcome> {
  const held = [...outcomes.values()].find(({ kind }) => kind === 'held')
  if (held !== undefined) return new Map(left.map((delivery) => [delivery, held]))
  const failed = [...outcomes].filter(([, { kind }]) => kind === 'failed')
  if (ordering === 'unordered' || failed.length === 0) return new Map()
  const lanes = new Map<string | undefined, DeliveryOutcome>()
  for (const [delivery, outcome] of failed) lanes.set(laneOf(ordering, delivery), outcome)
  const waiting = new Map<Delivery, DeliveryOutcome>()
  for (const delivery of left) {
    const lane = laneOf(ordering, delivery)
    const outcome = lane === undefined ? undefined : lanes.get(lane)
    if (outcome !== undefined) waiting.set(delivery, outcome)
  }
  return waiting
}

/** Undefined: a record without a key, which holds up nobody. */
function laneOf(ordering: Exclude<Ordering, 'unordered'>, { record, origin }: Delivery): string | undefined {
  if (ordering === 'partition') return `${origin.topic}/${origin.partition}`
  return record.key?.toString('latin1')
}
