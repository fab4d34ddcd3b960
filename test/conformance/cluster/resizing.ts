import { describe, expect, test } from '@jest/globals'
import { isInvalid, isNotFound } from '../../../kube/errors.ts'
import { PODS, SECRETS, type Container } from '../../../kube/objects.ts'
import { newPod, newSecret } from '../../builders/kube-objects.ts'
import { useCluster, type ClusterHarness } from './harness.ts'
import { refusal } from './writes.ts'

export function describeResize(harness: ClusterHarness): void {
  describe('resize of a pod', () => {
    const bench = useCluster(harness)
    const small = { limits: { cpu: '1', memory: '128Mi' }, requests: { cpu: '50m', memory: '32Mi' } }
    const newPodWith = (resources: Container['resources'], name = 'a') =>
      bench.cluster.create(
        PODS,
        newPod(
          { namespace: bench.namespace, name },
          { containers: [{ name: 'main', image: 'example/none', ...(resources && { resources }) }] },
        ),
      )
    const resize = (resources: object, container = 'main') =>
      bench.cluster.patchSubresource(PODS, { namespace: bench.namespace, name: 'a' }, 'resize', {
        spec: { containers: [{ name: container, resources }] },
      })

    test('changes what is given of the resources of the container that is named, and nothing else', async () => {
      const created = await newPodWith(small)
      const resized = await resize({ limits: { memory: '256Mi' } })
      const [container] = resized.spec.containers
      expect(container?.resources).toEqual({ ...small, limits: { cpu: '1', memory: '256Mi' } })
      expect(container?.image).toBe('example/none')
      expect(Number(resized.metadata.resourceVersion)).toBeGreaterThan(Number(created.metadata.resourceVersion))
    })

    test('that changes nothing is no write', async () => {
      const created = await newPodWith(small)
      expect((await resize(small)).metadata.resourceVersion).toBe(created.metadata.resourceVersion)
    })

    test('is refused when it would change the QoS class', async () => {
      await newPodWith(small)
      expect(isInvalid(await refusal(resize({ requests: small.limits })))).toBe(true)
    })

    test('is refused for a pod without resources: it has a QoS class to keep, too', async () => {
      await newPodWith(undefined)
      expect(isInvalid(await refusal(resize(small)))).toBe(true)
    })

    test.each([
      ['a request above its limit', { requests: { memory: '1Gi' } }],
      ['what cannot be resized', { limits: { 'ephemeral-storage': '1Gi' } }],
    ])('refuses %s', async (_what, resources) => {
      await newPodWith(small)
      expect(isInvalid(await refusal(resize(resources)))).toBe(true)
    })

    test('is refused for a container that is not there', async () => {
      await newPodWith(small)
      expect(isInvalid(await refusal(resize(small, 'other')))).toBe(true)
    })

    test('of what is not there, or cannot be resized, is NotFound', async () => {
      const { cluster, namespace } = bench
      expect(isNotFound(await refusal(resize(small)))).toBe(true)
      const { metadata } = await cluster.create(SECRETS, newSecret({ namespace, name: 'a' }))
      const call = cluster.patchSubresource(SECRETS, metadata, 'resize', { spec: {} })
      expect(isNotFound(await refusal(call))).toBe(true)
    })
  })
}
