/** Watches fall silent when their connection dies without a word, each for itself, and for up to minutes. */
import { afterEach, expect, test } from '@jest/globals'
import { FUNCTIONS } from '../../../api/kinds.ts'
import type { KubeObject } from '../../../api/object.ts'
import type { Cache } from '../../../kube/cluster.ts'
import { ClusterError } from '../../../kube/errors.ts'
import { CONTROLLER_REVISIONS } from '../../../kube/objects.ts'
import { createWorld, endBeds, startBed } from './functions-bed.ts'

afterEach(endBeds)

test('a Function that others have changed while our watch is silent is not written to without end', async () => {
  const bed = await startBed()
  let writes = 0
  const patchStatus = async () => {
    writes += 1
    throw new ClusterError('Conflict', 'the object has been modified; please apply your changes to the latest version')
  }
  Object.assign(bed.cluster, { patchStatus })
  await bed.create('a')
  await bed.pass(10_000, 20)
  expect(writes).toBeGreaterThan(2)
  expect(writes).toBeLessThan(20)
})

test('revisions of a Function that was deleted while our watch is silent are not made again and again', async () => {
  const world = createWorld()
  const { cluster } = world
  const open = cluster.cache.bind(cluster)
  let isSilent = false
  const cache: typeof open = (kind, options) =>
    kind.kind === 'Function' ? silenceable(open(kind, options), () => isSilent) : open(kind, options)
  let made = 0
  const make = cluster.create.bind(cluster)
  const create: typeof make = (kind, object) => {
    if (kind.kind === CONTROLLER_REVISIONS.kind) made += 1
    return make(kind, object)
  }
  Object.assign(cluster, { cache, create })
  const bed = await startBed({ world })
  await bed.create('a')
  await bed.pass(1_000)
  made = 0
  isSilent = true
  await bed.remove('a')
  await bed.pass(20_000, 20)
  expect(made).toBeLessThan(4)
  expect(await cluster.get(FUNCTIONS, { namespace: 'default', name: 'a' })).toBeUndefined()
})

/** What it knew when it fell silent, and nothing more. */
function silenceable<T extends KubeObject>(cache: Cache<T>, isSilent: () => boolean): Cache<T> {
  let known: T[] = []
  const now = () => (isSilent() ? known : (known = cache.list()))
  return {
    synced: cache.synced,
    get: ({ namespace, name }) => now().find(({ metadata: m }) => m.name === name && m.namespace === namespace),
    list: () => now(),
    subscribe: ({ added, updated, deleted }) =>
      cache.subscribe({
        added: (object) => isSilent() || added?.(object),
        updated: (object, old) => isSilent() || updated?.(object, old),
        deleted: (object) => isSilent() || deleted?.(object),
      }),
    stop: () => cache.stop(),
  }
}
