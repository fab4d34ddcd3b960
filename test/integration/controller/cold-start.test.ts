import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { ANNOTATION, LABEL } from '../../../api/names.ts'
import { until } from '../../builders/eventually.ts'
import { activate, code, ControllerBed, endpointOf, FeedReader, invoke, keyOf } from './controller-bed.ts'

describe('waking a function', () => {
  let bed: ControllerBed
  beforeEach(() => {
    bed = new ControllerBed()
  })
  afterEach(() => bed.stop())

  const waiting = async () =>
    (await bed.pods()).filter(
      (pod) => pod.metadata.labels?.[LABEL.state] === 'generic' && pod.status?.phase === 'Running',
    )

  test('takes a pod from the pool, answers with its address, and refills the pool afterwards', async () => {
    await bed.start({ poolSize: 2 })
    const process = await bed.controller()
    await bed.function('hello')
    await until(async () => (await waiting()).length === 2)

    const answer = await activate(process, 'hello')

    expect(answer).toMatchObject({ outcome: 'endpoint', source: 'pool', phases: { podMs: 0, initMs: 1.5 } })
    expect(await invoke(endpointOf(answer))).toMatchObject({ status: 200, body: { function: keyOf('hello') } })
    await until(() => bed.kubelet.started === 3)
    await until(async () => (await waiting()).length === 2)
    expect(bed.kubelet.started).toBe(3)
  })

  test('creates a pod when none waits, and claims it when it calls home, before the kubelet knows', async () => {
    await bed.start()
    bed.kubelet.behaviour = { neverReady: true }
    const process = await bed.controller()
    await bed.function('hello')

    const answer = await activate(process, 'hello')

    expect(answer).toMatchObject({ outcome: 'endpoint', source: 'new' })
    expect(bed.kubelet.started).toBe(1)
  })

  test('finds a pod through the API when its call home does not arrive', async () => {
    await bed.start()
    bed.kubelet.behaviour = { silent: true }
    const process = await bed.controller()
    await bed.function('hello')

    expect(await activate(process, 'hello')).toMatchObject({ outcome: 'endpoint', source: 'new' })
  })

  test('labels the pod, gives it to the function and tells the feed, after the answer', async () => {
    await bed.start()
    const process = await bed.controller()
    const fn = await bed.function('hello')
    const reader = await new FeedReader().open(process)

    const endpoint = endpointOf(await activate(process, 'hello'))

    await until(() => reader.endpoints('hello').length === 1)
    expect(reader.endpoints('hello')).toEqual([endpoint])
    await until(async () => (await bed.pods())[0]?.metadata.labels?.[LABEL.state] === 'claimed')
    const [pod] = await bed.pods()
    expect(pod?.metadata.labels).toMatchObject({ [LABEL.function]: 'hello', [LABEL.revision]: endpoint.revision })
    expect(pod?.metadata.annotations?.[ANNOTATION.acknowledges]).toBe('true')
    expect(pod?.metadata.ownerReferences).toEqual([
      expect.objectContaining({ kind: 'Function', name: 'hello', uid: fn.metadata.uid, controller: true }),
    ])
    reader.close()
  })

  test('starts as many pods as the queue needs and no more, however often it is asked', async () => {
    await bed.start()
    bed.kubelet.behaviour = { bootMs: 50 }
    const process = await bed.controller()
    await bed.function('busy', { concurrency: 10 })

    const answers = await Promise.all([
      activate(process, 'busy', { queued: 1, reporter: 'a' }),
      activate(process, 'busy', { queued: 100, reporter: 'a' }),
      activate(process, 'busy', { queued: 100, reporter: 'a' }),
    ])

    expect(answers.map(({ outcome }) => outcome)).toEqual(['endpoint', 'endpoint', 'endpoint'])
    await until(() => bed.kubelet.running().filter(({ runtime }) => runtime.state === 'specialized').length === 10)
    expect(bed.kubelet.started).toBe(10)
  })

  test('never has more pods than max, and says so when all are known and full', async () => {
    await bed.start()
    const process = await bed.controller()
    await bed.function('small', { scaling: { min: 0, max: 2, target: 0.7, idleAfter: '5m', maxPodAge: '4h' } })
    const reader = await new FeedReader().open(process)
    await activate(process, 'small', { queued: 50 })
    await until(() => reader.endpoints('small').length === 2)

    const { epoch, version } = reader
    expect(await activate(process, 'small', { queued: 50, epoch, version })).toEqual({ outcome: 'at-capacity' })
    expect(bed.kubelet.started).toBe(2)
    reader.close()
  })

  test('wakes many functions at once: the pool serves the first, one pod is made for each of the others, none for the pool before them', async () => {
    await bed.start({ poolSize: 2 })
    const process = await bed.controller()
    const names = Array.from({ length: 8 }, (_, index) => `fn-${index}`)
    for (const name of names) await bed.function(name)
    await until(async () => (await waiting()).length === 2)
    const { promise: boots, resolve: boot } = Promise.withResolvers<void>()
    bed.kubelet.behaviour = { boots }

    const wakes = names.map((name) => activate(process, name))
    await until(() => bed.kubelet.started === 8)
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(bed.kubelet.started).toBe(8)
    boot()

    const answers = await Promise.all(wakes)
    expect(answers.map((answer) => answer.outcome === 'endpoint' && answer.source).sort()).toEqual([
      'new',
      'new',
      'new',
      'new',
      'new',
      'new',
      'pool',
      'pool',
    ])
  })

  test('leaves no pod of the pool when the last Function goes', async () => {
    await bed.start({ poolSize: 2 })
    await bed.controller()
    const fn = await bed.function('hello')
    await until(async () => (await waiting()).length === 2)

    await bed.cluster.delete(
      {
        group: 'dormouse.dev',
        version: 'v1alpha1',
        kind: 'Function',
        plural: 'functions',
        namespaced: true,
        hasStatus: true,
      },
      { namespace: 'default', name: fn.metadata.name },
    )

    await until(async () => (await bed.pods()).length === 0)
  })

  test('answers 404 with a stable code for a function that does not exist', async () => {
    await bed.start()
    const process = await bed.controller()
    expect(await activate(process, 'nobody')).toMatchObject({ outcome: 'failed', code: 'unknown-function' })
  })

  test('code that does not load is told to the caller and not tried again by the next', async () => {
    await bed.start()
    const process = await bed.controller()
    await bed.function('bad', code('throw'))

    expect(await activate(process, 'bad')).toMatchObject({
      outcome: 'failed',
      code: 'code-load-failed',
      message: expect.stringContaining('Error: no luck'),
    })
    const again = await activate(process, 'bad')
    expect(again).toMatchObject({ outcome: 'failed' })
    expect(bed.kubelet.started).toBe(1)
    await until(async () => (await bed.pods()).length === 0)
  })
})
