import { describe, expect, test } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { EVENTS, SECRETS } from '../../../kube/objects.ts'
import { newSecret } from '../../builders/kube-objects.ts'
import { useCluster, type ClusterHarness } from './harness.ts'

export function describeEvents(harness: ClusterHarness): void {
  describe('recordEvent', () => {
    const bench = useCluster(harness)

    test('counts repeats on one Event object, and keeps different ones apart', async () => {
      const { cluster, namespace, eventually } = bench
      const regarding = await cluster.create(SECRETS, newSecret({ namespace, name: 'a' }))
      const woke = { regarding, type: 'Normal', reason: 'Woke', message: 'It woke.' } as const
      await Promise.all([cluster.recordEvent(woke), cluster.recordEvent(woke)])
      await cluster.recordEvent({ ...woke, type: 'Warning', reason: 'Failed' })
      await cluster.recordEvent(woke)
      await eventually(async () => {
        const events = await cluster.list(EVENTS, { namespace })
        expect(events.map(({ reason, count }) => [reason, count]).sort()).toEqual([
          ['Failed', 1],
          ['Woke', 3],
        ])
      })
      const [event] = (await cluster.list(EVENTS, { namespace })).filter(({ reason }) => reason === 'Woke')
      const { name, uid } = regarding.metadata
      expect(event).toMatchObject({ type: 'Normal', message: 'It woke.' })
      expect(event?.involvedObject).toMatchObject({ apiVersion: 'v1', kind: 'Secret', namespace, name, uid })
    })

    test('of an object without a namespace goes to the default one', async () => {
      const { cluster, eventually } = bench
      const uid = randomUUID()
      const metadata = {
        name: `of-a-test-${uid}`,
        uid,
        resourceVersion: '1',
        creationTimestamp: '2026-01-01T00:00:00Z',
      }
      const regarding = { apiVersion: 'dormouse.dev/v1alpha1', kind: 'Runtime', metadata }
      await cluster.recordEvent({ regarding, type: 'Normal', reason: 'Woke', message: 'It woke.' })
      await eventually(async () => {
        const events = await cluster.list(EVENTS, { namespace: 'default' })
        const [event] = events.filter(({ involvedObject }) => involvedObject.uid === uid)
        expect(event).toMatchObject({ reason: 'Woke', involvedObject: { kind: 'Runtime', name: metadata.name } })
        if (event) await cluster.delete(EVENTS, event.metadata)
      })
    })

    test('never throws, even for an object whose name no Event can have', async () => {
      const { cluster, namespace } = bench
      const { metadata, ...rest } = await cluster.create(SECRETS, newSecret({ namespace, name: 'a' }))
      const regarding = { ...rest, metadata: { ...metadata, name: 'NOT A NAME' } }
      await cluster.recordEvent({ regarding, type: 'Normal', reason: 'Woke', message: 'It woke.' })
    })
  })
}
