import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, expect, test } from '@jest/globals'
import type { Cluster } from '../../../kube/cluster.ts'
import { PODS } from '../../../kube/objects.ts'
import { passing } from '../../builders/passing-cluster.ts'
import { activate, ControllerBed, endpointOf, invoke } from './controller-bed.ts'

let bed: ControllerBed
afterEach(() => bed.stop())

/** The cluster, with room for few pods: creating them without end would leave no time to anything else. */
function small(cluster: Cluster): Cluster {
  let left = 5
  return {
    ...passing(cluster),
    create: (kind, object) =>
      kind.kind === PODS.kind && (left -= 1) < 0 ? new Promise(() => undefined) : cluster.create(kind, object),
  }
}

test.each([
  { where: 'behind', apiBehindMs: 20_000 },
  { where: 'ahead of', apiBehindMs: -20_000 },
])('with an API whose clock is 20 s $where ours one start makes one pod', async ({ apiBehindMs }) => {
  bed = await new ControllerBed({ apiBehindMs }).start()
  bed.kubelet.behaviour = { bootMs: 300 }
  const process = await bed.controller({ through: small(bed.cluster) })
  await bed.function('hello')
  expect(await invoke(endpointOf(await activate(process, 'hello')))).toMatchObject({ status: 200 })
  await delay(50)
  expect(bed.kubelet.started).toBe(1)
})
