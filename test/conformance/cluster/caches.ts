import { describe, expect, test } from '@jest/globals'
import { CONFIG_MAP_METADATA, CONFIG_MAPS, PODS, SECRETS } from '../../../kube/objects.ts'
import { newPodOnNode, newSecret } from '../../builders/kube-objects.ts'
import { story, useCluster, watch, type ClusterHarness } from './harness.ts'

export function describeCaches(harness: ClusterHarness): void {
  describe('a cache', () => {
    const bench = useCluster(harness)
    const create = (name: string, labels: Record<string, string> = {}) =>
      bench.cluster.create(SECRETS, newSecret({ namespace: bench.namespace, name, labels }))
    const label = (name: string, labels: Record<string, string | null>) =>
      bench.cluster.patch(SECRETS, { namespace: bench.namespace, name }, { metadata: { labels } })
    const remove = (name: string) => bench.cluster.delete(SECRETS, { namespace: bench.namespace, name })

    test('knows what was there once it is synced, and follows', async () => {
      const { namespace, eventually } = bench
      await create('a')
      const cache = await bench.cache(SECRETS)
      expect(cache.get({ namespace, name: 'a' })?.metadata.name).toBe('a')
      await create('b')
      await label('a', { x: '1' })
      await eventually(() => {
        expect(cache.list()).toHaveLength(2)
        expect(cache.list({ labels: { x: '1' } }).map(({ metadata }) => metadata.name)).toEqual(['a'])
      })
      await remove('a')
      await eventually(() => expect(cache.get({ namespace, name: 'a' })).toBeUndefined())
    })

    test('of metadata only knows that objects are there and change, not what is in them', async () => {
      const { namespace, eventually, cluster } = bench
      const metadata = { namespace, name: 'a' }
      const made = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { key: 'value' } } as const
      await cluster.create(CONFIG_MAPS, made)
      const cache = await bench.cache(CONFIG_MAP_METADATA)
      const seen = watch(cache)
      const { apiVersion, kind, ...rest } = cache.get(metadata) ?? { apiVersion: '', kind: '' }
      expect([apiVersion, kind]).toEqual(['v1', 'ConfigMap'])
      expect(Object.keys(rest)).toEqual(['metadata'])
      const patched = await cluster.patch(CONFIG_MAPS, metadata, { data: { key: 'other' } })
      await eventually(() => {
        expect(cache.get(metadata)?.metadata.resourceVersion).toBe(patched.metadata.resourceVersion)
        expect(cache.get(metadata)).not.toHaveProperty('data')
      })
      await cluster.delete(CONFIG_MAPS, metadata)
      await eventually(() => expect(cache.get(metadata)).toBeUndefined())
      await eventually(() => expect(seen.told.length).toBeGreaterThanOrEqual(3))
    })

    test('tells every subscriber everything known, then every change in order', async () => {
      const { eventually } = bench
      await create('a')
      const cache = await bench.cache(SECRETS)
      const early = watch(cache)
      await create('b')
      await label('b', { x: '1' })
      await eventually(() => expect(early.told).toHaveLength(3))
      const late = watch(cache)
      await remove('a')
      await create('a')
      const wantLate = ['added a', 'added b', 'deleted a', 'added a']
      await eventually(() => expect(late.told).toHaveLength(wantLate.length))
      expect(story(late.told.slice(0, 2)).sort()).toEqual(wantLate.slice(0, 2))
      expect(story(late.told.slice(2))).toEqual(wantLate.slice(2))
      await eventually(() =>
        expect(story(early.told)).toEqual(['added a', 'added b', 'updated b', 'deleted a', 'added a']),
      )
    })

    test('tells of changes in the order of their resourceVersions, each with the state before', async () => {
      const { cluster, namespace, eventually } = bench
      const cache = await bench.cache(SECRETS)
      const { told } = watch(cache)
      const jumps: string[][] = []
      cache.subscribe({
        updated: (object, old) => jumps.push([old.metadata.labels?.['n'] ?? '', object.metadata.labels?.['n'] ?? '']),
      })
      await Promise.all(['a', 'b', 'c'].map((name) => create(name)))
      const rounds = Array.from({ length: 10 }, (_, round) => String(round))
      for (const n of rounds) await label('a', { n })
      await cluster.delete(SECRETS, { namespace, name: 'a' })
      await eventually(() => expect(told).toHaveLength(14))
      const versions = told.map(({ version }) => version)
      expect(versions).toEqual([...versions].sort((x, y) => x - y))
      expect(new Set(versions).size).toBe(14)
      expect(jumps).toEqual(rounds.map((n, index) => [rounds[index - 1] ?? '', n]))
    })

    test('with labels sees objects enter and leave the selection as added and deleted', async () => {
      const { eventually } = bench
      const cache = await bench.cache(SECRETS, { x: '1' })
      const { told } = watch(cache)
      await create('a')
      await create('b', { x: '1' })
      await label('a', { x: '1' })
      await label('a', { y: '1' })
      await label('a', { x: '2' })
      await label('a', { y: '2' })
      await remove('a')
      await remove('b')
      const want = ['added b', 'added a', 'updated a', 'deleted a', 'deleted b']
      await eventually(() => expect(story(told)).toEqual(want))
      expect(cache.list()).toEqual([])
    })

    test('sees no other namespace', async () => {
      const { cluster, namespace } = bench
      const cache = cluster.cache(SECRETS, { namespace: `${namespace}-other` })
      const own = await bench.cache(SECRETS)
      try {
        await cache.synced
        await create('a')
        await bench.eventually(() => expect(own.list()).toHaveLength(1))
        expect(cache.list()).toEqual([])
      } finally {
        cache.stop()
      }
    })

    test('is not told of a patch that changes nothing', async () => {
      const { cluster, namespace, eventually } = bench
      const { metadata } = await cluster.create(bench.functions, bench.newFunction({ namespace, name: 'a' }))
      const { told } = watch(await bench.cache(bench.functions))
      await cluster.patch(bench.functions, metadata, { spec: { handler: 'index.handler' } })
      await cluster.patchStatus(bench.functions, metadata, { pods: 1 })
      await cluster.patchStatus(bench.functions, metadata, { pods: 1 })
      await cluster.delete(bench.functions, metadata)
      await eventually(() => expect(story(told)).toEqual(['added a', 'updated a', 'deleted a']))
    })

    test('sees a graceful deletion as an update and then a deletion', async () => {
      const { cluster, namespace, eventually } = bench
      const { told } = watch(await bench.cache(PODS))
      const { metadata } = await cluster.create(PODS, newPodOnNode({ namespace, name: 'a' }))
      await cluster.delete(PODS, metadata)
      await cluster.delete(PODS, metadata, { gracePeriodSeconds: 0 })
      await eventually(() => expect(told.at(-1)?.what).toBe('deleted'))
      // A real one tells of the shortened grace period, too.
      expect(told.map(({ what }) => what).join(' ')).toMatch(/^added( updated)+ deleted$/)
      expect(told[1]?.object.metadata.deletionTimestamp).toBeDefined()
    })

    test('a handler that throws does not keep others from being told, nor itself', async () => {
      const { eventually } = bench
      const cache = await bench.cache(SECRETS)
      let calls = 0
      cache.subscribe({
        added: () => {
          calls += 1
          throw new Error('a broken handler')
        },
      })
      const { told } = watch(cache)
      await create('a')
      await create('b')
      await eventually(() => expect(story(told)).toEqual(['added a', 'added b']))
      expect(calls).toBe(2)
    })

    test('tells nothing after unsubscribe and after stop', async () => {
      const { eventually } = bench
      const [cache, stopped] = [await bench.cache(SECRETS), await bench.cache(SECRETS)]
      const gone = watch(cache)
      const ended = watch(stopped)
      const staying = watch(cache)
      await create('a')
      await eventually(() => expect([gone, ended, staying].map(({ told }) => told.length)).toEqual([1, 1, 1]))
      gone.unsubscribe()
      stopped.stop()
      await create('b')
      await eventually(() => expect(staying.told).toHaveLength(2))
      expect([gone.told.length, ended.told.length]).toEqual([1, 1])
    })

    test('that is stopped before its first list rejects synced', async () => {
      const cache = bench.cluster.cache(SECRETS, { namespace: bench.namespace })
      cache.stop()
      await expect(cache.synced).rejects.toThrow('stopped')
    })
  })
}
