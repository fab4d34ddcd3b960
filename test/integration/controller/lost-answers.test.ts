/** An API server that is started anew cuts the calls that are under way: whether they were done, nobody says. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { ClusterError } from '../../../kube/errors.ts'
import { PODS } from '../../../kube/objects.ts'
import type { FunctionSpec } from '../../../api/function.ts'
import { passing } from '../../builders/passing-cluster.ts'
import { activate, code, ControllerBed, endpointOf } from './controller-bed.ts'

let bed: ControllerBed
beforeEach(async () => {
  bed = await new ControllerBed().start()
})
afterEach(() => bed.stop())

const cut = () => new ClusterError('Unavailable', 'create Pod default/x: read ECONNRESET')

/** The first call that makes a pod is cut: after it was done, or before. */
function cutting(isDone: boolean) {
  const api = passing(bed.cluster)
  let isFirst = true
  const create: typeof api.create = async (kind, object) => {
    if (kind.kind !== PODS.kind || !isFirst) return bed.cluster.create(kind, object)
    isFirst = false
    if (isDone) await bed.cluster.create(kind, object)
    throw cut()
  }
  return { ...api, create }
}

test.each<[string, boolean, Partial<FunctionSpec>]>([
  ['done, of a pool', true, {}],
  ['not done, of a pool', false, {}],
  ['done, of its own', true, { serviceAccountName: 'someone' }],
  ['not done, of its own', false, { serviceAccountName: 'someone' }],
])('a wake-up survives that the call which makes its pod is cut: %s', async (_what, isDone, spec) => {
  const controller = await bed.controller({ through: cutting(isDone) })
  await bed.function('hello', { ...code('export const handler = () => 1'), ...spec })
  endpointOf(await activate(controller, 'hello'))
  expect(await bed.pods()).toHaveLength(1)
})

test('an API that stays away is asked twice for each pod, not for ever', async () => {
  const api = passing(bed.cluster)
  const asked: string[] = []
  const create: typeof api.create = async (kind, object) => {
    if (kind.kind !== PODS.kind) return bed.cluster.create(kind, object)
    asked.push(object.metadata.name ?? '')
    throw cut()
  }
  const controller = await bed.controller({ through: { ...api, create } })
  await bed.function('hello', code('export const handler = () => 1'))
  expect(await activate(controller, 'hello')).toMatchObject({ outcome: 'failed', code: 'cannot-wake' })
  expect(asked.length).toBe(2 * new Set(asked).size)
  expect(asked.length).toBeLessThan(10)
})
