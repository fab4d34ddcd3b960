import { describe, expect, test } from '@jest/globals'
import { createMemoryCluster } from '../../../../kube/memory/memory-cluster.ts'
import { CONTROLLER_REVISIONS, PODS, SECRETS } from '../../../../kube/objects.ts'
import { newPod, newRevision, newSecret } from '../../../builders/kube-objects.ts'
import { MemoryPersistence } from '../../../fakes/memory-persistence.ts'

const start = (store: MemoryPersistence) =>
  createMemoryCluster({ persistence: { store, kinds: [SECRETS, CONTROLLER_REVISIONS] } })

const ownedBy = ({ metadata }: { metadata: { name: string; uid: string } }) => [
  { apiVersion: 'v1', kind: 'Secret', name: metadata.name, uid: metadata.uid },
]

describe('a memory cluster with persistence', () => {
  test('writes the selected kinds only, and nothing for a patch that changes nothing', async () => {
    const store = new MemoryPersistence()
    const cluster = start(store)
    await cluster.create(PODS, newPod({ name: 'a' }))
    expect(store.writes).toBe(0)
    const { metadata } = await cluster.create(SECRETS, newSecret({ name: 'a' }, { k: 'dg==' }))
    await cluster.patch(SECRETS, metadata, { data: { k: 'dg==' } })
    expect(store.writes).toBe(1)
    await cluster.delete(SECRETS, metadata)
    expect([store.writes, store.rows.size]).toEqual([2, 0])
  })

  test('a write that cannot be kept has not happened', async () => {
    const store = new MemoryPersistence()
    const cluster = start(store)
    const kept = await cluster.create(SECRETS, newSecret({ name: 'a' }))
    const told: string[] = []
    cluster.cache(SECRETS).subscribe({ updated: () => told.push('updated'), deleted: () => told.push('deleted') })
    store.isFull = true
    const unavailable = { code: 'Unavailable', message: expect.stringContaining('no space left') }
    await expect(cluster.create(SECRETS, newSecret({ name: 'b' }))).rejects.toMatchObject(unavailable)
    await expect(cluster.patch(SECRETS, kept.metadata, { data: { k: 'dg==' } })).rejects.toMatchObject(unavailable)
    await expect(cluster.delete(SECRETS, kept.metadata)).rejects.toMatchObject(unavailable)
    await cluster.settled()
    expect(told).toEqual([])
    expect(await cluster.list(SECRETS)).toEqual([kept])
    store.isFull = false
    const patched = await cluster.patch(SECRETS, kept.metadata, { data: { k: 'dg==' } })
    expect(Number(patched.metadata.resourceVersion)).toBe(Number(kept.metadata.resourceVersion) + 1)
  })

  test('starts again with the same objects, and versions go on above every one there was', async () => {
    const store = new MemoryPersistence()
    const before = start(store)
    const kept = await before.create(SECRETS, newSecret({ name: 'kept' }))
    const gone = await before.create(SECRETS, newSecret({ name: 'gone' }))
    await before.delete(SECRETS, gone.metadata)
    const after = start(store)
    expect(await after.list(SECRETS)).toEqual([kept])
    const next = await after.create(SECRETS, newSecret({ name: 'next' }))
    expect(Number(next.metadata.resourceVersion)).toBe(Number(gone.metadata.resourceVersion) + 2)
  })

  test('collects at the start what lost its owner when the process ended', async () => {
    const store = new MemoryPersistence()
    const before = createMemoryCluster({
      persistence: { store, kinds: [SECRETS, CONTROLLER_REVISIONS] },
      // The process ends before anything runs in the background.
      schedule: () => undefined,
    })
    const [gone, kept] = [
      await before.create(SECRETS, newSecret({ name: 'gone' })),
      await before.create(SECRETS, newSecret({ name: 'kept' })),
    ]
    await before.create(CONTROLLER_REVISIONS, newRevision({ name: 'orphan', ownerReferences: ownedBy(gone) }))
    await before.create(CONTROLLER_REVISIONS, newRevision({ name: 'child', ownerReferences: ownedBy(kept) }))
    await before.delete(SECRETS, gone.metadata)
    const after = start(store)
    await after.settled()
    expect((await after.list(CONTROLLER_REVISIONS)).map(({ metadata }) => metadata.name)).toEqual(['child'])
    expect([...store.rows.keys()].some((key) => key.endsWith('/orphan'))).toBe(false)
  })
})
