import { describe, expect, test } from '@jest/globals'
import type { KubeObject, OwnerReference } from '../../../api/object.ts'
import { isAlreadyExists, isConflict, isInvalid, isNotFound } from '../../../kube/errors.ts'
import { CONTROLLER_REVISIONS, PODS, SECRETS } from '../../../kube/objects.ts'
import { newPod, newPodOnNode, newRevision, newSecret } from '../../builders/kube-objects.ts'
import { useCluster, type ClusterHarness } from './harness.ts'
import { refusal } from './writes.ts'

export function describeDelete(harness: ClusterHarness): void {
  describe('delete', () => {
    const bench = useCluster(harness)

    test('removes; a second delete is NotFound', async () => {
      const { cluster, namespace } = bench
      const { metadata } = await cluster.create(SECRETS, newSecret({ namespace, name: 'a' }))
      await cluster.delete(SECRETS, metadata)
      expect(await cluster.get(SECRETS, metadata)).toBeUndefined()
      expect(isNotFound(await refusal(cluster.delete(SECRETS, metadata)))).toBe(true)
    })

    test('an object made anew has another uid', async () => {
      const { cluster, namespace } = bench
      const first = await cluster.create(SECRETS, newSecret({ namespace, name: 'a' }))
      await cluster.delete(SECRETS, first.metadata)
      const second = await cluster.create(SECRETS, newSecret({ namespace, name: 'a' }))
      expect(second.metadata.uid).not.toBe(first.metadata.uid)
      expect(Number(second.metadata.resourceVersion)).toBeGreaterThan(Number(first.metadata.resourceVersion))
    })

    test('keeps its preconditions: another uid or a passed resourceVersion is a conflict', async () => {
      const { cluster, namespace } = bench
      const { metadata } = await cluster.create(SECRETS, newSecret({ namespace, name: 'a' }))
      const { uid, resourceVersion } = metadata
      await cluster.patch(SECRETS, metadata, { data: { k: 'dg==' } })
      const otherUid = '00000000-0000-4000-8000-000000000000'
      expect(isConflict(await refusal(cluster.delete(SECRETS, metadata, { uid: otherUid })))).toBe(true)
      expect(isConflict(await refusal(cluster.delete(SECRETS, metadata, { resourceVersion })))).toBe(true)
      await cluster.delete(SECRETS, metadata, { uid })
    })

    test('finalizers keep it, marked, until the last one is gone', async () => {
      const { cluster, namespace } = bench
      const finalizers = ['dormouse.dev/one', 'dormouse.dev/two']
      const { metadata } = await cluster.create(SECRETS, newSecret({ namespace, name: 'a', finalizers }))
      await cluster.delete(SECRETS, metadata)
      await cluster.delete(SECRETS, metadata)
      const marked = await cluster.get(SECRETS, metadata)
      expect(marked?.metadata.deletionTimestamp).toMatch(/Z$/)
      expect(isAlreadyExists(await refusal(cluster.create(SECRETS, newSecret({ namespace, name: 'a' }))))).toBe(true)
      await cluster.patch(SECRETS, metadata, { metadata: { finalizers: ['dormouse.dev/two'] } })
      expect(await cluster.get(SECRETS, metadata)).toBeDefined()
      await cluster.patch(SECRETS, metadata, { metadata: { finalizers: null } })
      expect(await cluster.get(SECRETS, metadata)).toBeUndefined()
    })

    test('a finalizer cannot be added to what is being deleted', async () => {
      const { cluster, namespace } = bench
      const finalizers = ['dormouse.dev/one']
      const { metadata } = await cluster.create(SECRETS, newSecret({ namespace, name: 'a', finalizers }))
      await cluster.delete(SECRETS, metadata)
      const patch = { metadata: { finalizers: ['dormouse.dev/one', 'dormouse.dev/late'] } }
      expect(isInvalid(await refusal(cluster.patch(SECRETS, metadata, patch)))).toBe(true)
      await cluster.patch(SECRETS, metadata, { metadata: { finalizers: null } })
    })

    test('marking a custom object as deleted counts its generation', async () => {
      const { cluster, namespace } = bench
      const finalizers = ['dormouse.dev/one']
      const { metadata } = await cluster.create(
        bench.functions,
        bench.newFunction({ namespace, name: 'a', finalizers }),
      )
      await cluster.delete(bench.functions, metadata)
      expect((await cluster.get(bench.functions, metadata))?.metadata.generation).toBe(2)
      await cluster.patch(bench.functions, metadata, { metadata: { finalizers: null } })
    })
  })
}

export function describePodDeletion(harness: ClusterHarness): void {
  describe('delete of a pod', () => {
    const bench = useCluster(harness)

    test('without a node removes it at once', async () => {
      const { cluster, namespace } = bench
      const { metadata } = await cluster.create(PODS, newPod({ namespace, name: 'a' }))
      await cluster.delete(PODS, metadata)
      expect(await cluster.get(PODS, metadata)).toBeUndefined()
    })

    test.each(['Succeeded', 'Failed'] as const)('that has %s removes it at once', async (phase) => {
      const { cluster, namespace } = bench
      const { metadata } = await cluster.create(PODS, newPodOnNode({ namespace, name: 'a' }))
      await cluster.patchStatus(PODS, metadata, { phase })
      await cluster.delete(PODS, metadata)
      expect(await cluster.get(PODS, metadata)).toBeUndefined()
    })

    test('on a node marks it with its own grace period, until a delete with none', async () => {
      const { cluster, namespace } = bench
      const { metadata } = await cluster.create(PODS, newPodOnNode({ namespace, name: 'a' }, 17))
      await cluster.delete(PODS, metadata)
      const marked = (await cluster.get(PODS, metadata))?.metadata
      expect(marked?.deletionGracePeriodSeconds).toBe(17)
      const inSeconds = (Date.parse(marked?.deletionTimestamp ?? '') - Date.now()) / 1000
      expect(inSeconds).toBeGreaterThan(10)
      expect(inSeconds).toBeLessThan(20)
      await cluster.delete(PODS, metadata, { gracePeriodSeconds: 0, uid: metadata.uid })
      expect(await cluster.get(PODS, metadata)).toBeUndefined()
    })

    test('takes the grace period that is asked for; a second delete can only shorten it', async () => {
      const { cluster, namespace } = bench
      const { metadata } = await cluster.create(PODS, newPodOnNode({ namespace, name: 'a' }, 17))
      const graceAfter = async (gracePeriodSeconds?: number) => {
        await cluster.delete(PODS, metadata, gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds })
        return (await cluster.get(PODS, metadata))?.metadata.deletionGracePeriodSeconds
      }
      expect(await graceAfter(40)).toBe(40)
      const first = (await cluster.get(PODS, metadata))?.metadata.deletionTimestamp ?? ''
      expect(await graceAfter(50)).toBe(40)
      expect(await graceAfter()).toBe(40)
      expect(await graceAfter(5)).toBe(5)
      const second = (await cluster.get(PODS, metadata))?.metadata.deletionTimestamp ?? ''
      expect(Date.parse(first) - Date.parse(second)).toBe(35_000)
      expect(await graceAfter(0)).toBeUndefined()
    })

    test('with grace period 0 removes it at once', async () => {
      const { cluster, namespace } = bench
      const { metadata } = await cluster.create(PODS, newPodOnNode({ namespace, name: 'a' }))
      await cluster.delete(PODS, metadata, { gracePeriodSeconds: 0 })
      expect(await cluster.get(PODS, metadata)).toBeUndefined()
    })

    test('with finalizers waits for both the kubelet and them', async () => {
      const { cluster, namespace } = bench
      const finalizers = ['dormouse.dev/one']
      const { metadata } = await cluster.create(PODS, newPodOnNode({ namespace, name: 'a', finalizers }))
      await cluster.delete(PODS, metadata)
      await cluster.delete(PODS, metadata, { gracePeriodSeconds: 0 })
      expect((await cluster.get(PODS, metadata))?.metadata.deletionGracePeriodSeconds).toBe(0)
      await cluster.patch(PODS, metadata, { metadata: { finalizers: null } })
      expect(await cluster.get(PODS, metadata)).toBeUndefined()
    })
  })
}

const ownerReference = ({ apiVersion, kind, metadata }: KubeObject): OwnerReference => {
  const { name, uid } = metadata
  return { apiVersion, kind, name, uid }
}

export function describeGarbageCollection(harness: ClusterHarness): void {
  describe('garbage collection', () => {
    const bench = useCluster(harness)
    const newOwner = (name: string) => bench.cluster.create(SECRETS, newSecret({ namespace: bench.namespace, name }))

    test('deletes dependents of dependents after their owner', async () => {
      const { cluster, namespace, eventually } = bench
      const owner = await newOwner('owner')
      const child = await cluster.create(
        CONTROLLER_REVISIONS,
        newRevision({ namespace, name: 'child', ownerReferences: [ownerReference(owner)] }),
      )
      const grandchild = newPod({ namespace, name: 'grandchild', ownerReferences: [ownerReference(child)] })
      await cluster.create(PODS, grandchild)
      await cluster.delete(SECRETS, owner.metadata)
      await eventually(async () => {
        expect(await cluster.get(CONTROLLER_REVISIONS, child.metadata)).toBeUndefined()
        expect(await cluster.list(PODS, { namespace })).toEqual([])
      })
    })

    test('gives a pod on a node its grace period', async () => {
      const { cluster, namespace, eventually } = bench
      const owner = await newOwner('owner')
      const meta = { namespace, name: 'pod', ownerReferences: [ownerReference(owner)] }
      const { metadata } = await cluster.create(PODS, newPodOnNode(meta, 60))
      await cluster.delete(SECRETS, owner.metadata)
      await eventually(async () => {
        expect((await cluster.get(PODS, metadata))?.metadata.deletionGracePeriodSeconds).toBe(60)
      })
      await cluster.delete(PODS, metadata, { gracePeriodSeconds: 0 })
    })

    test('keeps what another owner still holds, without the reference to the one that is gone', async () => {
      const { cluster, namespace, eventually } = bench
      const [first, second] = [await newOwner('first'), await newOwner('second')]
      const ownerReferences = [ownerReference(first), ownerReference(second)]
      const { metadata } = await cluster.create(
        CONTROLLER_REVISIONS,
        newRevision({ namespace, name: 'child', ownerReferences }),
      )
      await cluster.delete(SECRETS, first.metadata)
      await eventually(async () => {
        const child = await cluster.get(CONTROLLER_REVISIONS, metadata)
        expect(child?.metadata.ownerReferences).toEqual([ownerReference(second)])
      })
      await cluster.delete(SECRETS, second.metadata)
      await eventually(async () => expect(await cluster.get(CONTROLLER_REVISIONS, metadata)).toBeUndefined())
    })

    test('keeps everything while a finalizer keeps the owner', async () => {
      const { cluster, namespace, eventually } = bench
      const finalizers = ['dormouse.dev/one']
      const owner = await cluster.create(SECRETS, newSecret({ namespace, name: 'owner', finalizers }))
      const ownerReferences = [ownerReference(owner)]
      const child = await cluster.create(
        CONTROLLER_REVISIONS,
        newRevision({ namespace, name: 'child', ownerReferences }),
      )
      const orphan = await cluster.create(CONTROLLER_REVISIONS, newOrphan(namespace, owner))
      await cluster.delete(SECRETS, owner.metadata)
      // The collector has been at work by now: it took the orphan.
      await eventually(async () => expect(await cluster.get(CONTROLLER_REVISIONS, orphan.metadata)).toBeUndefined())
      expect(await cluster.get(CONTROLLER_REVISIONS, child.metadata)).toBeDefined()
      await cluster.patch(SECRETS, owner.metadata, { metadata: { finalizers: null } })
      await eventually(async () => expect(await cluster.get(CONTROLLER_REVISIONS, child.metadata)).toBeUndefined())
    })

    test('takes what is created for an owner that was deleted and made anew', async () => {
      const { cluster, namespace, eventually } = bench
      const owner = await newOwner('owner')
      await cluster.delete(SECRETS, owner.metadata)
      await newOwner('owner')
      const ownerReferences = [ownerReference(owner)]
      const { metadata } = await cluster.create(
        CONTROLLER_REVISIONS,
        newRevision({ namespace, name: 'late', ownerReferences }),
      )
      await eventually(async () => expect(await cluster.get(CONTROLLER_REVISIONS, metadata)).toBeUndefined())
    })

    test('takes what names an owner that does not exist, though an object of that uid does', async () => {
      const { cluster, namespace, eventually } = bench
      const owner = await newOwner('owner')
      const ownerReferences = [{ ...ownerReference(owner), name: 'other' }]
      const { metadata } = await cluster.create(
        CONTROLLER_REVISIONS,
        newRevision({ namespace, name: 'child', ownerReferences }),
      )
      await eventually(async () => expect(await cluster.get(CONTROLLER_REVISIONS, metadata)).toBeUndefined())
    })
  })
}

function newOrphan(namespace: string, owner: KubeObject) {
  const absent = { ...ownerReference(owner), name: 'absent', uid: '00000000-0000-4000-8000-000000000000' }
  return newRevision({ namespace, name: 'orphan', ownerReferences: [absent] })
}
