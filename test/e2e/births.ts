/** Which pods there have been, those that are gone again included: the scheduler says so of each of them, once. */
import type { Bed } from './bed.ts'

interface Scheduled {
  involvedObject: { name: string }
}

/** Names begin so: a function's own, or a Runtime's. */
export async function born(bed: Bed, prefix: string): Promise<string[]> {
  const { items } = JSON.parse(
    await bed.kubectl('get', 'events', '--field-selector=reason=Scheduled', '-o', 'json'),
  ) as { items: Scheduled[] }
  const names = items.map(({ involvedObject }) => involvedObject.name)
  return [...new Set(names)].filter((name) => name.replace(/-[a-z0-9]{8}$/, '') === prefix)
}
