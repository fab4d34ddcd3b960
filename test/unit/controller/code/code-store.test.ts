import { beforeEach, expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { FUNCTIONS } from '../../../../api/kinds.ts'
import { CodeStore } from '../../../../controller/code/code-store.ts'
import { createMemoryCluster, type MemoryCluster } from '../../../../kube/memory/memory-cluster.ts'
import { CONTROLLER_REVISIONS } from '../../../../kube/objects.ts'
import { newFunction } from '../../../builders/kube-objects.ts'

const OWNER = { namespace: 'shop', name: 'web', uid: 'u1' }
const DIGEST = 'ab'.repeat(32)
const large = randomBytes(1_300_000)
let cluster: MemoryCluster
beforeEach(() => {
  cluster = createMemoryCluster()
})

const parts = () => cluster.list(CONTROLLER_REVISIONS)

/** The Function is not there: the garbage collector of the memory cluster must not take its code. */
const storeWith = (memoryBytes?: number) =>
  new CodeStore({
    cluster: {
      create: (kind, object) =>
        cluster.create(kind, { ...object, metadata: { ...object.metadata, ownerReferences: [] } }),
      get: async (kind, ref) => {
        const found = await cluster.get(kind, ref)
        const ownerReferences = [{ apiVersion: 'v', kind: 'Function', name: 'web', uid: 'u1' }]
        return found && { ...found, metadata: { ...found.metadata, ownerReferences } }
      },
      delete: (kind, ref) => cluster.delete(kind, ref),
    },
    ...(memoryBytes !== undefined && { memoryBytes }),
  })

test('what was put is there for a replica that knows nothing, whole, in objects far below what the API takes', async () => {
  await storeWith().put(OWNER, DIGEST, large)
  const other = storeWith()
  expect(other.here(OWNER, DIGEST)).toBeUndefined()
  expect((await other.fetch(OWNER, DIGEST)).equals(large)).toBe(true)
  expect(other.here(OWNER, DIGEST)?.equals(large)).toBe(true)
  expect((await parts()).map((part) => JSON.stringify(part).length < 1_000_000)).toEqual([true, true, true])
})

test('it is there only when all of it is', async () => {
  const store = storeWith()
  expect(await store.has(OWNER, DIGEST)).toBe(false)
  await store.put(OWNER, DIGEST, large)
  expect(await store.has(OWNER, DIGEST)).toBe(true)
  await cluster.delete(CONTROLLER_REVISIONS, { namespace: 'shop', name: `web-code-${DIGEST.slice(0, 16)}-1` })
  await expect(storeWith().fetch(OWNER, DIGEST)).rejects.toThrow('which holds code, is missing')
})

test('nobody gets code by its digest alone: it is the Function’s', async () => {
  const store = storeWith()
  await store.put(OWNER, DIGEST, large)
  expect(store.here({ ...OWNER, uid: 'u2' }, DIGEST)).toBeUndefined()
  await expect(store.fetch({ ...OWNER, uid: 'u2' }, DIGEST)).rejects.toThrow('is missing')
})

test('memory keeps what was used last, within its bound', async () => {
  const store = storeWith(3_000)
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((text) => text.repeat(64)) as [string, string, string, string]
  for (const digest of [a, b, c]) await store.put(OWNER, digest, Buffer.alloc(1_000))
  expect(store.isFull).toBe(true)
  store.here(OWNER, a)
  await store.put(OWNER, d, Buffer.alloc(1_000))
  expect([a, b, c, d].map((digest) => store.here(OWNER, digest) !== undefined)).toEqual([true, false, true, true])
})

test('what is removed is gone from memory and from the API; removing it twice is no error', async () => {
  const store = storeWith()
  await store.put(OWNER, DIGEST, large)
  await store.remove(OWNER, DIGEST)
  await store.remove(OWNER, DIGEST)
  expect(await parts()).toEqual([])
  expect(store.here(OWNER, DIGEST)).toBeUndefined()
})

test('putting what is there already changes nothing, unless it is what a deleted Function left', async () => {
  await storeWith().put(OWNER, DIGEST, large)
  await storeWith().put(OWNER, DIGEST, large)
  expect(await parts()).toHaveLength(3)
  await expect(storeWith().put({ ...OWNER, uid: 'u2' }, DIGEST, large)).rejects.toThrow('it is of a deleted Function')
})

test('what a Function left behind that was deleted without its objects becomes the new one’s', async () => {
  const { metadata } = await cluster.create(FUNCTIONS, newFunction({ namespace: 'shop', name: 'web' }))
  const owner = { ...OWNER, uid: metadata.uid }
  await new CodeStore({ cluster }).put(owner, DIGEST, large)
  for (const { metadata: part } of await parts())
    await cluster.patch(
      CONTROLLER_REVISIONS,
      { namespace: 'shop', name: part.name },
      { metadata: { ownerReferences: [] } },
    )
  const store = new CodeStore({ cluster })
  expect(await store.has(owner, DIGEST)).toBe(false)
  await store.put(owner, DIGEST, large)
  expect(await store.has(owner, DIGEST)).toBe(true)
  expect((await new CodeStore({ cluster }).fetch(owner, DIGEST)).equals(large)).toBe(true)
})
