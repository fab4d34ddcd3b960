import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { LABEL } from '../../../api/names.ts'
import { RUNTIMES } from '../../../api/kinds.ts'
import { until } from '../../builders/eventually.ts'
import { activate, code, ControllerBed, endpointOf, FeedReader, keyOf, metricOf } from './controller-bed.ts'

describe('pods that die', () => {
  let bed: ControllerBed
  beforeEach(() => {
    bed = new ControllerBed()
  })
  afterEach(() => bed.stop())

  test('a pod that dies while it is specialized is replaced once by another, unseen by the caller', async () => {
    await bed.start()
    const process = await bed.controller()
    await bed.function('slow', code('slow'))
    const waking = activate(process, 'slow')
    await until(() => bed.kubelet.running()[0]?.runtime.state === 'specializing')
    const [first] = bed.kubelet.running()
    await bed.kubelet.kill(first!.pod.metadata.name)

    const endpoint = endpointOf(await waking)

    expect(endpoint.id).not.toBe(first!.pod.metadata.uid)
    expect(bed.kubelet.started).toBe(2)
    await until(async () => (await bed.pods()).length === 1)
  })

  test('code that ends its process while it loads burns two pods, and the caller reads the exit code', async () => {
    await bed.start()
    const process = await bed.controller()
    await bed.function('exits', code('exit'))

    const answer = await activate(process, 'exits')

    expect(answer).toMatchObject({ outcome: 'failed', code: 'cannot-wake', retryAfterMs: expect.any(Number) })
    expect(answer).toMatchObject({ message: expect.stringContaining('exited with code 1') })
    expect(bed.kubelet.started).toBe(2)
    await until(async () => (await bed.events('CannotWake')).length === 1)
  })

  test('code that never finishes loading is told as such when its time is up', async () => {
    await bed.start()
    const process = await bed.controller({ initTimeoutMs: -1_700 })
    await bed.function('hangs', code('hang'))

    expect(await activate(process, 'hangs')).toMatchObject({
      outcome: 'failed',
      code: 'code-load-failed',
      message: expect.stringContaining('did not finish loading'),
    })
  })

  test('a pod that serves and has forgotten its function is found and replaced', async () => {
    await bed.start()
    const process = await bed.controller({ resyncMs: 50 })
    await bed.function('hello')
    const { id } = endpointOf(await activate(process, 'hello'))
    await until(async () => (await bed.pods())[0]?.metadata.labels?.[LABEL.state] === 'claimed')
    bed.kubelet.running()[0]!.runtime.restart()

    await until(async () => (await bed.pods()).every(({ metadata }) => metadata.uid !== id))
    expect(await bed.events('PodEnded')).toEqual([expect.stringContaining('has forgotten its function')])
  })

  test('a waiting pod that is killed is replaced and never given to a function', async () => {
    await bed.start({ poolSize: 1 })
    const process = await bed.controller()
    await bed.function('hello')
    await until(() => bed.kubelet.running()[0]?.runtime.calls[0] === 204)
    const [waiting] = bed.kubelet.running()
    await bed.kubelet.kill(waiting!.pod.metadata.name)

    expect(endpointOf(await activate(process, 'hello')).id).not.toBe(waiting!.pod.metadata.uid)
    await until(() => bed.kubelet.running().length === 2)
  })

  test('a serving pod that dies leaves the feed at once and its end is an Event of the Function', async () => {
    await bed.start()
    const process = await bed.controller()
    await bed.function('hello')
    const reader = await new FeedReader().open(process)
    const endpoint = endpointOf(await activate(process, 'hello'))
    await until(() => reader.endpoints('hello').length === 1)

    await bed.kubelet.kill(endpoint.pod, 137)

    await until(() => !reader.endpoints('hello').some(({ id }) => id === endpoint.id))
    await until(async () => (await bed.events('PodEnded'))[0]?.includes('ended by signal 9') ?? false)
    await until(async () => (await bed.pods()).every(({ metadata }) => metadata.uid !== endpoint.id))
    expect(await metricOf(process, 'dormouse_controller_pods_ended_total')).toBe(1)
    reader.close()
  })

  test('pods that die at boot do not become a hot loop, and the caller hears why', async () => {
    await bed.start({ poolSize: 3 })
    bed.kubelet.behaviour = { diesAtBoot: 2 }
    const process = await bed.controller()
    await bed.function('hello')
    await until(async () => (await bed.events('PoolBackOff')).length > 0)
    const startedMs = performance.now()
    await new Promise((resolve) => setTimeout(resolve, 300))
    // The first three at once, then one by one, then the back-off, which never has more than one a second.
    const late = () => Math.floor((performance.now() - startedMs) / 1_000)
    expect(bed.kubelet.started).toBeLessThanOrEqual(5 + late())
    expect(await metricOf(process, 'dormouse_controller_pool_boot_failures')).toBeGreaterThanOrEqual(2)

    const answer = await activate(process, 'hello', { waitMs: 10_000 })

    expect(answer).toMatchObject({ outcome: 'failed', code: 'cannot-wake' })
    expect(answer).toMatchObject({ message: expect.stringContaining('exited with code 2') })
    expect(bed.kubelet.started).toBeLessThanOrEqual(8 + late())
  }, 30_000)

  test('a Runtime that does not exist is named in the answer', async () => {
    await bed.start()
    const process = await bed.controller()
    await bed.function('hello', { runtime: 'cobol' })
    expect(await activate(process, 'hello')).toMatchObject({
      outcome: 'failed',
      message: expect.stringContaining('cobol'),
    })
  })

  test('pods of a Runtime whose image changed are replaced in the pool', async () => {
    await bed.start({ poolSize: 2 })
    await bed.controller()
    await bed.function('hello')
    const images = async () => (await bed.pods()).map(({ spec }) => spec.containers[0]?.image)
    await until(async () => (await images()).length === 2)

    await bed.cluster.patch(RUNTIMES, { name: 'node' }, { spec: { image: 'local/other' } })

    await until(async () => (await images()).join() === 'local/other,local/other')
  })

  test('a pod whose kubelet reports another address than it called home from is expelled', async () => {
    await bed.start({ poolSize: 0 })
    const process = await bed.controller()
    bed.kubelet.behaviour = { reportedIP: '10.9.8.7' }
    await bed.function('hello')
    await activate(process, 'hello')

    await until(async () => (await bed.events('PodEnded')).some((text) => text.includes('10.9.8.7')))
  })

  test('a deleted pod leaves the feed although it still runs', async () => {
    await bed.start()
    const process = await bed.controller()
    await bed.function('hello')
    const reader = await new FeedReader().open(process)
    const endpoint = endpointOf(await activate(process, 'hello'))
    await until(() => reader.endpoints('hello').length === 1)
    const { PODS } = await import('../../../kube/objects.ts')
    await bed.cluster.delete(PODS, { namespace: 'default', name: endpoint.pod })
    await until(() => !reader.endpoints('hello').some(({ id }) => id === endpoint.id))
    expect((await bed.pods()).some((pod) => pod.metadata.labels?.[LABEL.function] === keyOf('hello'))).toBe(false)
    reader.close()
  })
})
