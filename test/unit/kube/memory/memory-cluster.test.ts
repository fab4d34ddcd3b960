import { describe, expect, test } from '@jest/globals'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { FUNCTIONS, RUNTIMES } from '../../../../api/kinds.ts'
import { createMemoryCluster } from '../../../../kube/memory/memory-cluster.ts'
import { PODS, SECRETS } from '../../../../kube/objects.ts'
import { newFunction, newPod, newSecret } from '../../../builders/kube-objects.ts'

const runtime = (image = 'local/node') => ({
  apiVersion: 'dormouse.dev/v1alpha1',
  kind: 'Runtime' as const,
  metadata: { name: 'node' },
  spec: { image, pool: { size: 1 } },
})

describe('a memory cluster', () => {
  test('takes a namespaced object without a namespace into default, and a cluster-scoped one into none', async () => {
    const cluster = createMemoryCluster()
    const secret = await cluster.create(SECRETS, newSecret({ name: 'a' }))
    expect(secret.metadata.namespace).toBe('default')
    expect(await cluster.get(SECRETS, { name: 'a' })).toBe(secret)
    const created = await cluster.create(RUNTIMES, runtime())
    expect('namespace' in created.metadata).toBe(false)
    expect(await cluster.get(RUNTIMES, { namespace: 'default', name: 'node' })).toBe(created)
    const cache = cluster.cache(RUNTIMES)
    await cache.synced
    expect(cache.get({ namespace: 'default', name: 'node' })).toBe(created)
  })

  test('counts the generation of kinds without a status too', async () => {
    const cluster = createMemoryCluster()
    const { metadata } = await cluster.create(RUNTIMES, runtime())
    expect((await cluster.patch(RUNTIMES, metadata, { spec: { image: 'local/other' } })).metadata.generation).toBe(2)
    await expect(cluster.patchStatus(RUNTIMES, metadata, {})).rejects.toMatchObject({ code: 'NotFound' })
  })

  test('refuses an object of another kind, or without metadata', async () => {
    const cluster = createMemoryCluster()
    const pod = newPod({ name: 'a' }) as never
    await expect(cluster.create(SECRETS, pod)).rejects.toMatchObject({
      code: 'Invalid',
      message: 'expected a v1 Secret, got a v1 Pod',
    })
    const bare = { apiVersion: 'v1', kind: 'Secret' } as never
    await expect(cluster.create(SECRETS, bare)).rejects.toMatchObject({ code: 'Invalid' })
  })

  test('lets a pod be bound once by a patch of nodeName', async () => {
    const cluster = createMemoryCluster()
    const { metadata } = await cluster.create(PODS, newPod({ name: 'a' }))
    const bind = (nodeName: string) => cluster.patch(PODS, metadata, { spec: { nodeName } })
    expect((await bind('here')).spec.nodeName).toBe('here')
    await expect(bind('there')).rejects.toMatchObject({ code: 'Invalid' })
    await cluster.delete(PODS, metadata)
    expect((await cluster.get(PODS, metadata))?.metadata.deletionTimestamp).toBeDefined()
  })

  test('asks admit on create and patch, not for the status, and takes its answer', async () => {
    const asked: string[] = []
    const cluster = createMemoryCluster({
      admit: (kind, object) => {
        asked.push(`${kind} ${object.metadata.name}`)
        return {
          ...object,
          spec: { ...(object as { spec?: object }).spec, handler: 'default.handler' },
        } as typeof object
      },
    })
    const { metadata, spec } = await cluster.create(FUNCTIONS, newFunction({ name: 'a' }))
    expect(spec.handler).toBe('default.handler')
    await cluster.patchStatus(FUNCTIONS, metadata, { pods: 1 })
    const same = await cluster.patch(FUNCTIONS, metadata, { spec: { handler: 'overruled' } })
    expect(same.metadata.generation).toBe(1)
    expect(asked).toEqual(['Function a', 'Function a'])
  })

  test('turns what admit throws into Invalid with its message', async () => {
    const admit = () => {
      throw new RangeError('spec.timeout: expected a duration')
    }
    const created = createMemoryCluster({ admit }).create(FUNCTIONS, newFunction({ name: 'a' }))
    await expect(created).rejects.toMatchObject({ code: 'Invalid', message: 'spec.timeout: expected a duration' })
  })

  test('gives out deeply frozen objects that share nothing with what it was given', async () => {
    const cluster = createMemoryCluster()
    const source = newSecret({ name: 'a', labels: { x: '1' } }, { k: 'dg==' })
    const created = await cluster.create(SECRETS, source)
    source.data!['k'] = 'spoilt'
    expect(created.data).toEqual({ k: 'dg==' })
    expect(() => (created.metadata.labels!['x'] = 'spoilt')).toThrow(TypeError)
    const labels = { y: '1' }
    const patched = await cluster.patch(SECRETS, created.metadata, { metadata: { labels } })
    labels.y = 'spoilt'
    expect(patched.metadata.labels).toEqual({ x: '1', y: '1' })
  })

  test('looks for another generated name when the first is taken, and gives up some time', async () => {
    const numbers = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0.5]
    const cluster = createMemoryCluster({ random: () => numbers.shift() ?? 0.5 })
    const create = () => cluster.create(SECRETS, newSecret({ generateName: 'a-' }))
    expect((await create()).metadata.name).toBe('a-bbbbb')
    expect((await create()).metadata.name).toMatch(/^a-bbbb[^b]$/)
    expect((await create()).metadata.name).toMatch(/^a-([^b])\1{4}$/)
    await expect(create()).rejects.toMatchObject({ code: 'AlreadyExists' })
  })

  test('cuts the front of a generated name so that the whole has 63 characters', async () => {
    const { metadata } = await createMemoryCluster().create(SECRETS, newSecret({ generateName: 'x'.repeat(80) }))
    expect(metadata.name).toMatch(/^x{58}[a-z0-9]{5}$/)
  })

  test('takes times from its clock', async () => {
    const now = () => Date.parse('2026-01-01T00:00:00.900Z')
    const { metadata } = await createMemoryCluster({ now }).create(SECRETS, newSecret({ name: 'a' }))
    expect(metadata.creationTimestamp).toBe('2026-01-01T00:00:00Z')
  })

  test.each([-1, 1.5, Number.NaN])('refuses a grace period of %d seconds', async (gracePeriodSeconds) => {
    const cluster = createMemoryCluster()
    const { metadata } = await cluster.create(PODS, newPod({ name: 'a' }))
    await expect(cluster.delete(PODS, metadata, { gracePeriodSeconds })).rejects.toMatchObject({ code: 'Invalid' })
  })
})

describe('what a memory cluster does in the background', () => {
  test('never happens inside the call that causes it, and is over once settled', async () => {
    const runs: (() => void)[] = []
    const cluster = createMemoryCluster({ schedule: (run) => runs.push(run) })
    const cache = cluster.cache(SECRETS)
    const told: string[] = []
    cache.subscribe({ added: ({ metadata }) => told.push(metadata.name) })
    await cluster.create(SECRETS, newSecret({ name: 'a' }))
    expect([told, cache.list()]).toEqual([[], []])
    let isSettled = false
    const settled = cluster.settled().then(() => (isSettled = true))
    while (runs.length > 0) runs.shift()!()
    expect(told).toEqual(['a'])
    await settled
    expect(isSettled).toBe(true)
    await cluster.settled()
  })

  test('a cache made after a write is told of it once', async () => {
    const cluster = createMemoryCluster()
    await cluster.create(SECRETS, newSecret({ name: 'a' }))
    const cache = cluster.cache(SECRETS)
    const told: string[] = []
    const note = (what: string) => () => void told.push(what)
    cache.subscribe({ added: note('added'), updated: note('updated'), deleted: note('deleted') })
    await cluster.delete(SECRETS, { name: 'a' })
    await cluster.settled()
    expect(told).toEqual(['added', 'deleted'])
  })

  test('a handler that writes in answer to every event sees its writes in later turns', async () => {
    const cluster = createMemoryCluster()
    const seen: number[] = []
    const cache = cluster.cache(SECRETS)
    cache.subscribe({
      added: ({ metadata }) => void cluster.patch(SECRETS, metadata, { data: { n: '1' } }),
      updated: ({ metadata, data }) => {
        seen.push(Number(data?.['n']))
        if (seen.length < 5) void cluster.patch(SECRETS, metadata, { data: { n: String(seen.length + 1) } })
      },
    })
    await cluster.create(SECRETS, newSecret({ name: 'a' }))
    await cluster.settled()
    expect(seen).toEqual([1, 2, 3, 4, 5])
  })

  test('errors of handlers go to onError; a handler may unsubscribe others meanwhile', async () => {
    const errors: unknown[] = []
    const cluster = createMemoryCluster({ onError: (error) => errors.push(error) })
    const cache = cluster.cache(SECRETS)
    const error = new Error('a broken handler')
    cache.subscribe({
      added: () => {
        unsubscribe()
        throw error
      },
    })
    let calls = 0
    const unsubscribe = cache.subscribe({ added: () => (calls += 1) })
    await cluster.create(SECRETS, newSecret({ name: 'a' }))
    await cluster.settled()
    expect(errors).toEqual([error])
    expect(calls).toBe(0)
  })
})

test('a thousand functions with 2 KB of code each and a pod each stay below 12 MB', async () => {
  setFlagsFromString('--expose_gc')
  const collect = runInNewContext('gc') as () => void
  const heapUsed = () => {
    collect()
    return process.memoryUsage().heapUsed
  }
  const before = heapUsed()
  const cluster = createMemoryCluster()
  const code = { inline: { 'index.mjs': 'x'.repeat(2048) } }
  for (let index = 0; index < 1000; index += 1) {
    await cluster.create(FUNCTIONS, newFunction({ name: `f-${index}` }, { code }))
    await cluster.create(PODS, newPod({ generateName: `f-${index}-`, labels: { function: `f-${index}`, all: 'yes' } }))
  }
  expect(heapUsed() - before).toBeLessThan(12 * 2 ** 20)
  expect(await cluster.list(PODS)).toHaveLength(1000)
})
