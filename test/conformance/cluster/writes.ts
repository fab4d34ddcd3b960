import { describe, expect, test } from '@jest/globals'
import { isAlreadyExists, isConflict, isInvalid, isNotFound } from '../../../kube/errors.ts'
import { CONTROLLER_REVISIONS, PODS, SECRETS } from '../../../kube/objects.ts'
import { newPod, newRevision, newSecret } from '../../builders/kube-objects.ts'
import { useCluster, type ClusterHarness } from './harness.ts'

/** The error a call is refused with; fails when it is not. */
export const refusal = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => Promise.reject(new Error('expected the call to be refused')),
    (error: unknown) => error,
  )

export function describeCreate(harness: ClusterHarness): void {
  describe('create', () => {
    const bench = useCluster(harness)

    test('adds uid, resourceVersion and creationTimestamp, and get finds it', async () => {
      const { cluster, namespace } = bench
      const created = await cluster.create(
        SECRETS,
        newSecret({ namespace, name: 'a', labels: { x: '1' } }, { k: 'dg==' }),
      )
      expect(created.metadata).toMatchObject({ namespace, name: 'a', labels: { x: '1' } })
      expect(created.metadata.uid).toMatch(/^[0-9a-f-]{36}$/)
      expect(created.metadata.resourceVersion).toMatch(/^[0-9]+$/)
      expect(created.metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
      expect(created.data).toEqual({ k: 'dg==' })
      expect(await cluster.get(SECRETS, { namespace, name: 'a' })).toEqual(created)
    })

    test('refuses a name that is taken, and leaves what is there', async () => {
      const { cluster, namespace } = bench
      const first = await cluster.create(SECRETS, newSecret({ namespace, name: 'a' }, { k: 'dg==' }))
      expect(isAlreadyExists(await refusal(cluster.create(SECRETS, newSecret({ namespace, name: 'a' }))))).toBe(true)
      expect(await cluster.get(SECRETS, first.metadata)).toEqual(first)
    })

    test('of two creates of one name at once, one wins', async () => {
      const { cluster, namespace } = bench
      const twice = [1, 2].map(() => cluster.create(SECRETS, newSecret({ namespace, name: 'a' })))
      const outcomes = (await Promise.allSettled(twice)).map(({ status }) => status)
      expect(outcomes.sort()).toEqual(['fulfilled', 'rejected'])
    })

    test('generates names: the front and five characters, each its own', async () => {
      const { cluster, namespace } = bench
      const made = await Promise.all(
        Array.from({ length: 10 }, () => cluster.create(SECRETS, newSecret({ namespace, generateName: 'web-' }))),
      )
      const names = made.map(({ metadata }) => metadata.name)
      for (const name of names) expect(name).toMatch(/^web-[a-z0-9]{5}$/)
      expect(new Set(names).size).toBe(10)
    })

    test.each([
      ['an upper-case name', { name: 'Upper' }],
      ['a label value with a space', { name: 'a', labels: { x: 'a b' } }],
      ['a label name with two slashes', { name: 'a', labels: { 'a/b/c': 'x' } }],
    ])('refuses %s', async (_what, metadata) => {
      const { cluster, namespace } = bench
      expect(isInvalid(await refusal(cluster.create(SECRETS, newSecret({ namespace, ...metadata }))))).toBe(true)
    })

    test('refuses a custom object that breaks its schema with a sentence that names the field', async () => {
      const { cluster, namespace } = bench
      const scaling = { min: -1 } as never
      const error = await refusal(
        cluster.create(bench.functions, bench.newFunction({ namespace, name: 'a' }, { scaling })),
      )
      expect(isInvalid(error)).toBe(true)
      expect((error as Error).message).toContain('spec.scaling.min')
      expect(await cluster.get(bench.functions, { namespace, name: 'a' })).toBeUndefined()
    })

    test('fills in the defaults of the schema, and generation starts at 1', async () => {
      const { cluster, namespace } = bench
      const created = await cluster.create(bench.functions, bench.newFunction({ namespace, name: 'a' }))
      expect(created.spec).toMatchObject({ handler: 'index.handler', timeout: '30s', scaling: { min: 0, max: 20 } })
      expect(created.metadata.generation).toBe(1)
    })

    test('ignores a status', async () => {
      const { cluster, namespace } = bench
      const withStatus = { ...bench.newFunction({ namespace, name: 'a' }), status: { pods: 7 } }
      expect((await cluster.create(bench.functions, withStatus)).status).toBeUndefined()
    })

    test('a new pod is Pending', async () => {
      const { cluster, namespace } = bench
      expect((await cluster.create(PODS, newPod({ namespace, name: 'a' }))).status?.phase).toBe('Pending')
    })
  })
}

export function describeReads(harness: ClusterHarness): void {
  describe('get and list', () => {
    const bench = useCluster(harness)

    test('get of what is not there is undefined', async () => {
      const { cluster, namespace } = bench
      expect(await cluster.get(SECRETS, { namespace, name: 'none' })).toBeUndefined()
    })

    test('the same name in another kind is another object', async () => {
      const { cluster, namespace } = bench
      await cluster.create(SECRETS, newSecret({ namespace, name: 'a' }))
      expect(await cluster.get(CONTROLLER_REVISIONS, { namespace, name: 'a' })).toBeUndefined()
    })

    test('list selects by namespace and by every label', async () => {
      const { cluster, namespace } = bench
      const labels = { both: { x: '1', y: '1' }, one: { x: '1' }, other: { x: '2', y: '1' } }
      for (const [name, pairs] of Object.entries(labels)) {
        await cluster.create(SECRETS, newSecret({ namespace, name, labels: pairs }))
      }
      const names = async (wanted: Record<string, string>) =>
        (await cluster.list(SECRETS, { namespace, labels: wanted })).map(({ metadata }) => metadata.name).sort()
      expect(await names({})).toEqual(['both', 'one', 'other'])
      expect(await names({ x: '1' })).toEqual(['both', 'one'])
      expect(await names({ x: '1', y: '1' })).toEqual(['both'])
      expect(await names({ x: '3' })).toEqual([])
    })

    test('what a caller does to an object it got does not reach others', async () => {
      const { cluster, namespace } = bench
      const source = newSecret({ namespace, name: 'a' }, { k: 'dg==' })
      const created = await cluster.create(SECRETS, source)
      const spoil = (change: () => void) => {
        try {
          change()
        } catch {
          // Frozen: as good as a copy.
        }
      }
      spoil(() => (source.data!['k'] = 'spoilt'))
      spoil(() => (created.data!['k'] = 'spoilt'))
      const [listed] = await cluster.list(SECRETS, { namespace })
      spoil(() => (listed!.metadata.labels = { spoilt: 'yes' }))
      const found = await cluster.get(SECRETS, { namespace, name: 'a' })
      expect(found?.data).toEqual({ k: 'dg==' })
      expect(found?.metadata.labels).toBeUndefined()
    })
  })
}

export function describePatch(harness: ClusterHarness): void {
  describe('patch', () => {
    const bench = useCluster(harness)

    test('merges: nested objects merge, null removes, lists are replaced', async () => {
      const { cluster, namespace } = bench
      await cluster.create(SECRETS, newSecret({ namespace, name: 'a', labels: { x: '1', y: '1' } }, { k: 'dg==' }))
      const ref = { namespace, name: 'a' }
      const patched = await cluster.patch(SECRETS, ref, {
        metadata: { labels: { x: null, z: '2' } },
        data: { l: 'dg==' },
      })
      expect(patched.metadata.labels).toEqual({ y: '1', z: '2' })
      expect(patched.data).toEqual({ k: 'dg==', l: 'dg==' })
      await cluster.patch(SECRETS, ref, { metadata: { finalizers: ['dormouse.dev/a', 'dormouse.dev/b'] } })
      const replaced = await cluster.patch(SECRETS, ref, { metadata: { finalizers: ['dormouse.dev/c'] } })
      expect(replaced.metadata.finalizers).toEqual(['dormouse.dev/c'])
      await cluster.patch(SECRETS, ref, { metadata: { finalizers: null } })
    })

    test('moves the resourceVersion on, and keeps identity', async () => {
      const { cluster, namespace } = bench
      const { metadata } = await cluster.create(SECRETS, newSecret({ namespace, name: 'a' }))
      const patched = await cluster.patch(SECRETS, metadata, { data: { k: 'dg==' } })
      expect(Number(patched.metadata.resourceVersion)).toBeGreaterThan(Number(metadata.resourceVersion))
      expect(patched.metadata).toMatchObject({ uid: metadata.uid, creationTimestamp: metadata.creationTimestamp })
    })

    test('that changes nothing is no write', async () => {
      const { cluster, namespace } = bench
      const created = await cluster.create(
        bench.functions,
        bench.newFunction({ namespace, name: 'a', labels: { x: '1' } }),
      )
      const patch = { metadata: { labels: { x: '1', gone: null } }, spec: { handler: 'index.handler' } }
      const patched = await cluster.patch(bench.functions, created.metadata, patch)
      expect(patched.metadata.resourceVersion).toBe(created.metadata.resourceVersion)
    })

    test('with a resourceVersion that has passed is a conflict, with the current one it is not', async () => {
      const { cluster, namespace } = bench
      const { metadata } = await cluster.create(SECRETS, newSecret({ namespace, name: 'a' }))
      const next = await cluster.patch(
        SECRETS,
        metadata,
        { data: { k: 'MQ==' } },
        { resourceVersion: metadata.resourceVersion },
      )
      const stale = cluster.patch(
        SECRETS,
        metadata,
        { data: { k: 'Mg==' } },
        { resourceVersion: metadata.resourceVersion },
      )
      expect(isConflict(await refusal(stale))).toBe(true)
      expect((await cluster.get(SECRETS, metadata))?.data).toEqual({ k: 'MQ==' })
      const { resourceVersion } = next.metadata
      await cluster.patch(SECRETS, metadata, { data: { k: 'Mw==' } }, { resourceVersion })
    })

    test('takes a resourceVersion inside the patch as the same precondition', async () => {
      const { cluster, namespace } = bench
      const { metadata } = await cluster.create(SECRETS, newSecret({ namespace, name: 'a' }))
      const { resourceVersion } = metadata
      await cluster.patch(SECRETS, metadata, { metadata: { resourceVersion }, data: { k: 'MQ==' } })
      const stale = cluster.patch(SECRETS, metadata, { metadata: { resourceVersion }, data: { k: 'Mg==' } })
      expect(isConflict(await refusal(stale))).toBe(true)
    })

    test('of many at once with the same resourceVersion, one wins', async () => {
      const { cluster, namespace } = bench
      const { metadata } = await cluster.create(SECRETS, newSecret({ namespace, name: 'a' }))
      const { resourceVersion } = metadata
      const claims = Array.from({ length: 5 }, (_, index) =>
        cluster.patch(SECRETS, metadata, { metadata: { labels: { by: String(index) } } }, { resourceVersion }),
      )
      const won = (await Promise.allSettled(claims)).filter(({ status }) => status === 'fulfilled')
      expect(won).toHaveLength(1)
    })

    test('of what is not there is NotFound', async () => {
      const { cluster, namespace } = bench
      const ref = { namespace, name: 'none' }
      expect(isNotFound(await refusal(cluster.patch(SECRETS, ref, { data: {} })))).toBe(true)
      expect(isNotFound(await refusal(cluster.patchStatus(bench.functions, ref, { pods: 1 })))).toBe(true)
    })

    test('cannot change uid, name or creation time; removing them changes nothing, nor does another time', async () => {
      const { cluster, namespace } = bench
      const { metadata } = await cluster.create(SECRETS, newSecret({ namespace, name: 'a' }))
      const patch = (fields: object) => cluster.patch(SECRETS, metadata, { metadata: fields })
      expect(isConflict(await refusal(patch({ uid: '00000000-0000-4000-8000-000000000000' })))).toBe(true)
      expect(isInvalid(await refusal(patch({ name: 'b' })))).toBe(true)
      expect((await patch({ creationTimestamp: '2001-01-01T00:00:00Z' })).metadata).toEqual(metadata)
      const patched = await patch({ uid: null, creationTimestamp: null, labels: { x: '1' } })
      const { uid, creationTimestamp } = metadata
      expect(patched.metadata).toMatchObject({ uid, creationTimestamp, labels: { x: '1' } })
    })

    test('counts generation for changes of spec only', async () => {
      const { cluster, namespace } = bench
      const { metadata } = await cluster.create(bench.functions, bench.newFunction({ namespace, name: 'a' }))
      const labelled = await cluster.patch(bench.functions, metadata, { metadata: { labels: { x: '1' } } })
      expect(labelled.metadata.generation).toBe(1)
      expect((await cluster.patchStatus(bench.functions, metadata, { pods: 2 })).metadata.generation).toBe(1)
      const changed = await cluster.patch(bench.functions, metadata, { spec: { timeout: '5s' } })
      expect(changed.metadata.generation).toBe(2)
    })

    test('ignores the status; patchStatus changes only the status', async () => {
      const { cluster, namespace } = bench
      const { metadata } = await cluster.create(bench.functions, bench.newFunction({ namespace, name: 'a' }))
      const withStatus = await cluster.patchStatus(bench.functions, metadata, { pods: 2, readyPods: 1 })
      expect(withStatus.status).toEqual({ pods: 2, readyPods: 1 })
      const patched = await cluster.patch(bench.functions, metadata, { spec: { timeout: '5s' }, status: { pods: 9 } })
      expect(patched.status).toEqual({ pods: 2, readyPods: 1 })
      const again = await cluster.patchStatus(bench.functions, metadata, { pods: null, readyPods: 3 })
      expect(again.status).toEqual({ readyPods: 3 })
      expect(again.spec.timeout).toBe('5s')
    })

    test('patchStatus keeps preconditions, and is no write when nothing changes', async () => {
      const { cluster, namespace } = bench
      const { metadata } = await cluster.create(bench.functions, bench.newFunction({ namespace, name: 'a' }))
      const first = await cluster.patchStatus(bench.functions, metadata, { pods: 2 })
      const again = await cluster.patchStatus(bench.functions, metadata, { pods: 2 })
      expect(again.metadata.resourceVersion).toBe(first.metadata.resourceVersion)
      const { resourceVersion } = metadata
      const stale = cluster.patchStatus(bench.functions, metadata, { pods: 3 }, { resourceVersion })
      expect(isConflict(await refusal(stale))).toBe(true)
    })

    test('that breaks the schema is refused and changes nothing', async () => {
      const { cluster, namespace } = bench
      const created = await cluster.create(bench.functions, bench.newFunction({ namespace, name: 'a' }))
      const broken = cluster.patch(bench.functions, created.metadata, { spec: { timeout: 'soon' } })
      expect(isInvalid(await refusal(broken))).toBe(true)
      expect(await cluster.get(bench.functions, created.metadata)).toEqual(created)
    })

    test("cannot change what a revision holds, nor a pod's containers", async () => {
      const { cluster, namespace } = bench
      const revision = await cluster.create(CONTROLLER_REVISIONS, newRevision({ namespace, name: 'a' }, { v: 1 }))
      const other = cluster.patch(CONTROLLER_REVISIONS, revision.metadata, { data: { v: 2 } })
      expect(isInvalid(await refusal(other))).toBe(true)
      const pod = await cluster.create(PODS, newPod({ namespace, name: 'a' }))
      const containers = [{ name: 'main', image: 'example/none', command: ['other'] }]
      expect(isInvalid(await refusal(cluster.patch(PODS, pod.metadata, { spec: { containers } })))).toBe(true)
    })
  })
}
