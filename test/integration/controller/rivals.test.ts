/** Two installations of Dormouse on one cluster, which nobody should have, and some will. */
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, expect, jest, test } from '@jest/globals'
import { FUNCTIONS } from '../../../api/kinds.ts'
import { until } from '../../builders/eventually.ts'
import { metricOf, NAMESPACE } from './controller-bed.ts'
import { leads, ReplicasBed } from './replicas-bed.ts'

jest.setTimeout(60_000)

let bed: ReplicasBed
afterEach(() => bed.stop())

const isServed = async (name: string) =>
  (await bed.cluster.get(FUNCTIONS, { namespace: NAMESPACE, name }))?.status?.revision !== undefined

test('of two installations the one that came later writes nothing and says why, until the first is gone', async () => {
  bed = await new ReplicasBed().start({ poolSize: 2 })
  const first = await bed.replica({ namespace: 'one' })
  await leads(first)
  await bed.function('hello')
  await until(async () => (await isServed('hello')) && (await bed.pods()).length === 2)
  const pods = (await bed.pods()).map(({ metadata }) => metadata.uid).sort()

  const second = await bed.replica({ namespace: 'two' })

  await delay(1_500)
  // Its keys are its own.
  expect(second.writes.filter((write) => write !== 'create Secret')).toEqual([])
  expect(await metricOf(second, 'dormouse_controller_leader')).toBe(0)
  expect(second.controller.notReady()).toBe(
    'another installation of Dormouse, in namespace one, was on this cluster first: this one does nothing; uninstall one of them',
  )
  expect((await fetch(`${second.url}/v1/feed`, { headers: { authorization: 'Bearer data-plane-token' } })).status).toBe(
    503,
  )
  expect((await bed.pods()).map(({ metadata }) => metadata.uid).sort()).toEqual(pods)
  expect(first.controller.notReady()).toBeUndefined()
  await first.controller.stop()
  await leads(second)
  expect(second.controller.notReady()).toBeUndefined()
  await bed.function('new')
  await until(() => isServed('new'))
})
