import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { KEYS_SECRET } from '../../../controller/keys/keys.ts'
import { SECRETS } from '../../../kube/objects.ts'
import { until } from '../../builders/eventually.ts'
import { activate, endpointOf, FeedReader, invoke } from './controller-bed.ts'
import { leads, ReplicasBed } from './replicas-bed.ts'

jest.setTimeout(60_000)

let bed: ReplicasBed
beforeEach(async () => {
  bed = new ReplicasBed()
  await bed.start()
})
afterEach(() => bed.stop())

test('a leader that knows another template lets the pod boot that the other replica makes for a start', async () => {
  bed.kubelet.behaviour = { bootMs: 1_000 }
  const leader = await bed.replica()
  await leads(leader)
  const follower = await bed.replica({ initTimeoutMs: 9_999 })
  await bed.function('hello')
  expect(await invoke(endpointOf(await activate(follower, 'hello')))).toMatchObject({ status: 200 })
  expect(bed.kubelet.started).toBe(1)
})

test('of two replicas with different keys the new one wakes its own pods, and when it leads the old ones go', async () => {
  const leader = await bed.replica()
  await leads(leader)
  await bed.function('hello')
  const old = endpointOf(await activate(leader, 'hello'))
  await bed.cluster.patch(SECRETS, { namespace: 'dormouse-system', name: KEYS_SECRET }, { data: null })

  const follower = await bed.replica()
  const reader = await new FeedReader().open(follower)
  expect(reader.endpoints('hello')).toEqual([])
  expect(await invoke(endpointOf(await activate(follower, 'hello')))).toMatchObject({ status: 200 })
  expect(await invoke(old)).toMatchObject({ status: 200 })

  await leader.controller.stop()
  await leads(follower)
  await until(async () => (await bed.pods()).every(({ metadata }) => metadata.uid !== old.id))
  expect(await invoke(endpointOf(await activate(follower, 'hello')))).toMatchObject({ status: 200 })
  expect(reader.endpoints('hello').map(({ id }) => id)).not.toContain(old.id)
  reader.close()
})
