import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { LABEL } from '../../../api/names.ts'
import { KEYS_SECRET } from '../../../controller/keys/keys.ts'
import type { Cluster } from '../../../kube/cluster.ts'
import { ClusterError } from '../../../kube/errors.ts'
import { PODS, SECRETS } from '../../../kube/objects.ts'
import { until } from '../../builders/eventually.ts'
import { passing } from '../../builders/passing-cluster.ts'
import { activate, ControllerBed, endpointOf, FeedReader, invoke, metricOf } from './controller-bed.ts'

/** The cluster, but patches of pods fail while `failing` says so: as when the API is away for writes. */
function losingLabels(cluster: Cluster, failing: () => boolean): Cluster {
  return {
    ...passing(cluster),
    patch: (...args) =>
      args[0].kind === PODS.kind && failing()
        ? Promise.reject(new ClusterError('Unavailable', 'the API is away'))
        : cluster.patch(...args),
  }
}

/** The cluster, but pods keep the resources they were born with: as when a controller ends before it has asked. */
const refusingResizes = (cluster: Cluster): Cluster => ({
  ...passing(cluster),
  patchSubresource: () => Promise.reject(new ClusterError('Unavailable', 'the API is away')),
})

describe('a controller that starts afresh', () => {
  let bed: ControllerBed
  beforeEach(() => {
    bed = new ControllerBed()
  })
  afterEach(() => bed.stop())

  const stateOf = async (uid: string) =>
    (await bed.pods()).find(({ metadata }) => metadata.uid === uid)?.metadata.labels?.[LABEL.state]

  test('finds its warm pods again, with the same addresses and data keys, in its first snapshot', async () => {
    await bed.start({ poolSize: 1 })
    const first = await bed.controller()
    await bed.function('hello')
    const endpoint = endpointOf(await activate(first, 'hello'))
    await until(async () => (await stateOf(endpoint.id)) === 'claimed')
    await first.controller.stop()
    expect(await invoke(endpoint)).toMatchObject({ status: 200 })

    const second = await bed.controller()
    const reader = await new FeedReader().open(second)

    expect(reader.messages[0]).toMatchObject({ type: 'snapshot', endpoints: [endpoint] })
    expect(await invoke(reader.endpoints('hello')[0]!)).toMatchObject({ status: 200 })
    reader.close()
  })

  test.each([
    { how: 'claimed by label', lost: false },
    { how: 'whose labels were lost', lost: true },
  ])('replaces pods of other keys, $how: what they are called with would be refused', async ({ lost }) => {
    await bed.start({ poolSize: 1 })
    const first = await bed.controller({ through: losingLabels(bed.cluster, () => lost) })
    await bed.function('hello')
    const old = endpointOf(await activate(first, 'hello'))
    if (!lost) await until(async () => (await stateOf(old.id)) === 'claimed')
    await first.controller.stop()
    await bed.cluster.patch(SECRETS, { namespace: 'dormouse-system', name: KEYS_SECRET }, { data: null })

    const second = await bed.controller()
    const reader = await new FeedReader().open(second)
    expect(reader.messages[0]).toMatchObject({ type: 'snapshot', endpoints: [] })
    reader.close()
    const endpoint = endpointOf(await activate(second, 'hello'))
    expect(endpoint.id).not.toBe(old.id)
    expect(await invoke(endpoint)).toMatchObject({ status: 200 })
    await until(async () => (await stateOf(old.id)) === undefined)
  })

  test('gives a claimed pod of a pool what its function asks for, when who claimed it has ended before it did', async () => {
    await bed.start({ poolSize: 1 })
    const first = await bed.controller({ through: refusingResizes(bed.cluster) })
    const resources = { limits: { cpu: '500m', memory: '192Mi' }, requests: { cpu: '20m', memory: '96Mi' } }
    await bed.function('hello', { resources })
    const { id } = endpointOf(await activate(first, 'hello'))
    await until(async () => (await stateOf(id)) === 'claimed')
    await first.controller.stop()
    const given = async () =>
      (await bed.pods()).find(({ metadata }) => metadata.uid === id)?.spec.containers[0]?.resources
    expect(await given()).not.toEqual(resources)

    await bed.controller({ resyncMs: 50 })
    await until(async () => (await given())?.limits?.['memory'] === '192Mi')
    expect(await given()).toMatchObject(resources)
  })

  test('makes a pod ready that was made for its function, when its maker has ended before it was up', async () => {
    await bed.start()
    bed.kubelet.behaviour = { bootMs: 300 }
    const first = await bed.controller()
    await bed.function('hello', { serviceAccountName: 'robot' })
    const asked = activate(first, 'hello').catch(() => undefined)
    await until(() => bed.kubelet.started === 1)
    await first.controller.stop()
    await asked

    const second = await bed.controller()
    const endpoint = endpointOf(await activate(second, 'hello', { waitMs: 15_000 }))
    expect(await invoke(endpoint)).toMatchObject({ status: 200 })
    expect(bed.kubelet.started).toBe(1)
  }, 60_000)

  test('uses the pool pods it finds', async () => {
    await bed.start({ poolSize: 2 })
    const first = await bed.controller()
    await bed.function('hello')
    await until(() => bed.kubelet.running().filter(({ runtime }) => runtime.calls[0] === 204).length === 2)
    await first.controller.stop()

    const second = await bed.controller()

    expect(await activate(second, 'hello')).toMatchObject({ source: 'pool' })
    await until(() => bed.kubelet.started === 3)
  })

  test('writes a lost label again by itself', async () => {
    await bed.start()
    let failing = true
    const process = await bed.controller({ through: losingLabels(bed.cluster, () => failing) })
    await bed.function('hello')
    const endpoint = endpointOf(await activate(process, 'hello'))
    expect(await stateOf(endpoint.id)).toBe('generic')
    failing = false
    await until(async () => (await stateOf(endpoint.id)) === 'claimed')
  })

  test('repairs a pod whose label patch its predecessor lost, and serves it', async () => {
    await bed.start()
    const first = await bed.controller({ through: losingLabels(bed.cluster, () => true) })
    await bed.function('hello')
    const endpoint = endpointOf(await activate(first, 'hello'))
    await first.controller.stop()
    expect(await stateOf(endpoint.id)).toBe('generic')

    const second = await bed.controller()

    await until(async () => (await stateOf(endpoint.id)) === 'claimed')
    await until(async () => (await metricOf(second, 'dormouse_controller_label_repairs_total')) === 1)
    const reader = await new FeedReader().open(second)
    expect(reader.endpoints('hello').map(({ id, dataKey }) => ({ id, dataKey }))).toEqual([
      { id: endpoint.id, dataKey: endpoint.dataKey },
    ])
    reader.close()
  })

  test('deletes a pod whose function went while its labels were lost', async () => {
    await bed.start()
    const first = await bed.controller({ through: losingLabels(bed.cluster, () => true) })
    const fn = await bed.function('hello')
    await activate(first, 'hello')
    await first.controller.stop()
    const { FUNCTIONS } = await import('../../../api/kinds.ts')
    await bed.cluster.delete(FUNCTIONS, { namespace: 'default', name: fn.metadata.name })

    await bed.controller()

    await until(async () => (await bed.pods()).length === 0)
  })

  test('deletes claimed pods that have forgotten their function or do not answer', async () => {
    await bed.start()
    const first = await bed.controller()
    await bed.function('forgets')
    await bed.function('silent')
    const forgets = endpointOf(await activate(first, 'forgets'))
    const silent = endpointOf(await activate(first, 'silent'))
    await until(async () => (await stateOf(forgets.id)) === 'claimed' && (await stateOf(silent.id)) === 'claimed')
    await first.controller.stop()
    bed.kubelet.pods.get(forgets.pod)?.runtime.restart()
    await bed.kubelet.pods.get(silent.pod)?.runtime.kill()

    await bed.controller()

    await until(async () => (await stateOf(forgets.id)) === undefined && (await stateOf(silent.id)) === undefined)
  })
})
