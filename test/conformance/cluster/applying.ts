import { describe, expect, test } from '@jest/globals'
import { isInvalid } from '../../../kube/errors.ts'
import { SECRETS, SERVICES, type Secret, type Service } from '../../../kube/objects.ts'
import type { AppliedObject } from '../../../kube/cluster.ts'
import { newSecret } from '../../builders/kube-objects.ts'
import { useCluster, watch, story, type ClusterHarness } from './harness.ts'
import { refusal } from './writes.ts'

export function describeApply(harness: ClusterHarness): void {
  describe('apply', () => {
    const bench = useCluster(harness)
    const secret = (labels: Record<string, string>, fields: Partial<Secret> = {}): AppliedObject<Secret> => ({
      ...{ apiVersion: 'v1', kind: 'Secret', metadata: { namespace: bench.namespace, name: 'a', labels }, ...fields },
    })
    const apply = (labels: Record<string, string>, fieldManager?: string) =>
      bench.cluster.apply(SECRETS, secret(labels), fieldManager === undefined ? {} : { fieldManager })

    test('creates what is missing', async () => {
      const { cluster, namespace } = bench
      const applied = await cluster.apply(SECRETS, secret({ x: '1' }, { data: { k: 'dg==' } }))
      expect(applied.metadata).toMatchObject({ namespace, name: 'a', labels: { x: '1' } })
      expect(applied.data).toEqual({ k: 'dg==' })
      expect(await cluster.get(SECRETS, applied.metadata)).toEqual(applied)
    })

    test('changes the fields given and leaves the others', async () => {
      const { cluster, namespace } = bench
      await cluster.create(SECRETS, newSecret({ namespace, name: 'a', labels: { mine: '1', x: '0' } }, { k: 'dg==' }))
      const applied = await apply({ x: '1' })
      expect(applied.metadata.labels).toEqual({ mine: '1', x: '1' })
      expect(applied.data).toEqual({ k: 'dg==' })
    })

    test('removes what was applied before and is no longer', async () => {
      await apply({ x: '1', y: '1' })
      expect((await apply({ y: '2' })).metadata.labels).toEqual({ y: '2' })
    })

    test('leaves what another has applied, and what both have until both have not', async () => {
      await apply({ x: '1', both: '1' }, 'one')
      expect((await apply({ y: '1', both: '1' }, 'two')).metadata.labels).toEqual({ x: '1', y: '1', both: '1' })
      expect((await apply({ x: '1' }, 'one')).metadata.labels).toEqual({ x: '1', y: '1', both: '1' })
      expect((await apply({ y: '1' }, 'two')).metadata.labels).toEqual({ x: '1', y: '1' })
    })

    test('takes a field from whoever has set it otherwise', async () => {
      const { cluster } = bench
      const { metadata } = await apply({ x: '1' }, 'one')
      await cluster.patch(SECRETS, metadata, { metadata: { labels: { x: '2' } } })
      expect((await apply({ x: '3' }, 'two')).metadata.labels).toEqual({ x: '3' })
    })

    test('that changes nothing is no write', async () => {
      const { told } = watch(await bench.cache(SECRETS))
      const first = await apply({ x: '1' })
      const second = await apply({ x: '1' })
      expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion)
      await apply({ x: '2' })
      await bench.eventually(() => expect(story(told)).toEqual(['added a', 'updated a']))
    })

    test('keeps owners and finalizers that others have put there', async () => {
      const { cluster, namespace } = bench
      const owner = await cluster.create(SECRETS, newSecret({ namespace, name: 'owner' }))
      const { name, uid } = owner.metadata
      const ownerReferences = [{ apiVersion: 'v1', kind: 'Secret', name, uid }]
      const finalizers = ['dormouse.dev/theirs']
      await cluster.create(SECRETS, newSecret({ namespace, name: 'a', finalizers }))
      const metadata = { namespace, name: 'a', ownerReferences, finalizers: ['dormouse.dev/ours'] }
      const both = await cluster.apply(SECRETS, { apiVersion: 'v1', kind: 'Secret', metadata })
      expect(both.metadata.ownerReferences).toEqual(ownerReferences)
      expect(both.metadata.finalizers?.toSorted()).toEqual(['dormouse.dev/ours', 'dormouse.dev/theirs'])
      const left = await cluster.apply(SECRETS, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { namespace, name: 'a' },
      })
      expect(left.metadata.ownerReferences).toBeUndefined()
      expect(left.metadata.finalizers).toEqual(finalizers)
      await cluster.patch(SECRETS, left.metadata, { metadata: { finalizers: null } })
    })

    test('counts the generation of a custom object when its spec changes', async () => {
      const { cluster, namespace, functions, newFunction } = bench
      const { metadata } = await cluster.create(functions, newFunction({ namespace, name: 'a' }))
      const { apiVersion } = newFunction(metadata)
      const applied = (spec: object, labels = {}) =>
        cluster.apply(functions, {
          apiVersion,
          kind: 'Function',
          metadata: { namespace, name: 'a', labels },
          spec,
        } as never)
      const spec = { ...newFunction(metadata).spec, timeout: '5s' }
      expect((await applied(spec)).metadata.generation).toBe(2)
      expect((await applied(spec, { x: '1' })).metadata.generation).toBe(2)
    })

    test('refuses what breaks the schema, and a name that no object can have', async () => {
      const { cluster, namespace, functions, newFunction } = bench
      const broken = newFunction({ namespace, name: 'a' }, { timeout: 'soon' }) as unknown as never
      expect(isInvalid(await refusal(cluster.apply(functions, broken)))).toBe(true)
      const metadata = { namespace, name: 'Upper' }
      expect(isInvalid(await refusal(cluster.apply(SECRETS, { apiVersion: 'v1', kind: 'Secret', metadata })))).toBe(
        true,
      )
    })

    test('makes a Service that is another name for a host', async () => {
      const { cluster, namespace } = bench
      const service = (externalName: string): AppliedObject<Service> => ({
        ...{ apiVersion: 'v1', kind: 'Service', metadata: { namespace, name: 'web' } },
        spec: { type: 'ExternalName', externalName },
      })
      await cluster.apply(SERVICES, service('one.example.com'))
      const { spec } = await cluster.apply(SERVICES, service('two.example.com'))
      expect(spec).toMatchObject({ type: 'ExternalName', externalName: 'two.example.com' })
    })
  })
}
