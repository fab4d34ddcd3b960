import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { Cluster } from '../../../kube/cluster.ts'
import { PODS } from '../../../kube/objects.ts'
import { until } from '../../builders/eventually.ts'
import { passing } from '../../builders/passing-cluster.ts'
import { activate, ControllerBed, NAMESPACE } from './controller-bed.ts'

let bed: ControllerBed
beforeEach(() => {
  bed = new ControllerBed()
})
afterEach(() => bed.stop())

const isTold = { outcome: 'failed', message: expect.stringMatching(/no node has room for it: 0\/1 nodes/) }

/** The cluster, but whoever creates a pod hears of it after everybody else. */
const answeringLate = (cluster: Cluster, answered: Promise<void>): Cluster => ({
  ...passing(cluster),
  create: async (kind, object) => {
    const created = await cluster.create(kind, object)
    if (kind.kind === PODS.kind) await answered
    return created
  },
})

/** What the scheduler says of every pod there is. */
async function findNoRoom(): Promise<void> {
  const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes' }]
  for (const { metadata } of await bed.pods())
    await bed.cluster.patchStatus(PODS, { name: metadata.name, namespace: NAMESPACE }, { phase: 'Pending', conditions })
}

test('who finds only pods of a pool that find no room is told so at once, and no other is made for it', async () => {
  await bed.start({ poolSize: 2 })
  bed.kubelet.behaviour = { neverBoots: true }
  const process = await bed.controller()
  await bed.function('hello')
  await until(() => bed.kubelet.started === 2)
  await findNoRoom()
  expect(await activate(process, 'hello')).toMatchObject(isTold)
  expect(await bed.pods()).toHaveLength(2)
})

test('the answer to a create that comes after the scheduler’s word does not take it back', async () => {
  const answered = Promise.withResolvers<void>()
  await bed.start({ poolSize: 1 })
  bed.kubelet.behaviour = { neverBoots: true }
  const process = await bed.controller({ through: answeringLate(bed.cluster, answered.promise) })
  await bed.function('hello')
  await until(() => bed.kubelet.started === 1)
  await findNoRoom()
  answered.resolve()
  await delay(50)
  expect(await activate(process, 'hello')).toMatchObject(isTold)
})

test('no second pod is made beside one that a controller before made for the function and that finds no room', async () => {
  await bed.start()
  bed.kubelet.behaviour = { neverBoots: true }
  const first = await bed.controller()
  await bed.function('hello', { serviceAccountName: 'robot' })
  const asked = activate(first, 'hello')
  await until(() => bed.kubelet.started === 1)
  await findNoRoom()
  expect(await asked).toMatchObject(isTold)
  await first.controller.stop()

  const second = await bed.controller()
  expect(await activate(second, 'hello')).toMatchObject(isTold)
  expect(await bed.pods()).toHaveLength(1)
})

test('who relied on the first load of the code is told why that got no pod', async () => {
  await bed.start()
  bed.kubelet.behaviour = { neverBoots: true }
  const process = await bed.controller({ verifyFirstRevision: true })
  await bed.function('hello')
  await until(() => bed.kubelet.started === 1)
  const asked = activate(process, 'hello')
  // It has come while that pod might still come up.
  await delay(100)
  await findNoRoom()
  expect(await asked).toMatchObject(isTold)
})
