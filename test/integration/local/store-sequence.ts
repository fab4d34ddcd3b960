import type { Persistence } from '../../../kube/memory/persistence.ts'
import type { Secret } from '../../../kube/objects.ts'

export function storedSecret(name: string, resourceVersion: number, data: Record<string, string> = {}): Secret {
  const metadata = { namespace: 'default', name, uid: `uid-${name}`, creationTimestamp: '2026-01-01T00:00:00Z' }
  return { apiVersion: 'v1', kind: 'Secret', metadata: { ...metadata, resourceVersion: String(resourceVersion) }, data }
}

const KEPT = 20

/** The nth write of an endless sequence: puts `s-n`, or removes it again 20 writes later, in turns; every write notes n. */
export function sequenceStep(store: Persistence, step: number): void {
  const name = `s-${Math.ceil(step / 2)}`
  if (step % 2 === 1) return store.put(storedSecret(name, step, { value: 'x'.repeat(step % 5000) }))
  store.remove(storedSecret(`s-${step / 2 - KEPT}`, step))
}

/** Names that are there after the nth write. */
export function namesAfter(step: number): string[] {
  const lastPut = Math.ceil(step / 2)
  const lastRemoved = Math.floor(step / 2) - KEPT
  return Array.from({ length: lastPut }, (_, index) => index + 1)
    .filter((number) => number > lastRemoved)
    .map((number) => `s-${number}`)
}
