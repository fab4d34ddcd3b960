import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { FUNCTIONS } from '../../../api/kinds.ts'
import type { Cluster } from '../../../kube/cluster.ts'
import { ClusterError } from '../../../kube/errors.ts'
import { PODS } from '../../../kube/objects.ts'
import { until } from '../../builders/eventually.ts'
import { passing } from '../../builders/passing-cluster.ts'
import { activate, ControllerBed, metricOf, NAMESPACE } from './controller-bed.ts'

let bed: ControllerBed
let isEnding = false
beforeEach(() => {
  bed = new ControllerBed()
})
afterEach(() => bed.stop())

/** What the API says of new pods while the namespace goes. */
const ending = (cluster: Cluster): Cluster => ({
  ...passing(cluster),
  create: (kind, object) =>
    kind.kind === PODS.kind && isEnding
      ? Promise.reject(new ClusterError('Forbidden', 'pods "x" is forbidden: … because it is being terminated'))
      : cluster.create(kind, object),
})

test('a namespace that was deleted is no trouble for the one that comes under its name, nor for who reads Events', async () => {
  isEnding = true
  await bed.start({ poolSize: 1 })
  const process = await bed.controller({ through: ending(bed.cluster) })
  await bed.function('hello')
  expect(await activate(process, 'hello')).toMatchObject({
    outcome: 'failed',
    code: 'cannot-wake',
    message: expect.stringMatching(/the namespace is being deleted/),
  })
  // The next pod of the pool is to wait for four seconds.
  await until(async () => (await metricOf(process, 'dormouse_controller_pool_boot_failures')) >= 5)
  for (const reason of ['CannotWake', 'StartFailed', 'PoolBackOff']) expect(await bed.events(reason)).toEqual([])

  await bed.cluster.delete(FUNCTIONS, { namespace: NAMESPACE, name: 'hello' })
  await until(async () => (await metricOf(process, 'dormouse_controller_pool_wanted_pods')) === 0)
  isEnding = false
  await bed.function('hello')
  const startedAt = performance.now()
  expect((await activate(process, 'hello')).outcome).toBe('endpoint')
  expect(performance.now() - startedAt).toBeLessThan(3_500)
})
