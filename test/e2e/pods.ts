/** Pods as tests look at them. */
import type { Pod } from '../../kube/objects.ts'
import type { Bed } from './bed.ts'

export function isReady({ status }: Pod): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false
}

/** Settles when so many pods of pools wait in the namespace. */
export async function poolOf(bed: Bed, count: number): Promise<void> {
  const generic = () => bed.list<Pod>('pods', 'dormouse.dev/state=generic')
  await bed.eventually(`${count} pods wait`, async () => (await generic()).filter(isReady).length >= count, 90_000)
}

/** Thousandths of a core. */
export function millis(quantity = '0'): number {
  return quantity.endsWith('m') ? Number(quantity.slice(0, -1)) : Number(quantity) * 1000
}
