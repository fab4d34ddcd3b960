import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { FUNCTIONS, TRIGGERS } from '../../../api/kinds.ts'
import type { Trigger } from '../../../api/trigger.ts'
import type { NewObject } from '../../../kube/cluster.ts'
import { until } from '../../builders/eventually.ts'
import {
  activate,
  code,
  ControllerBed,
  endpointOf,
  FeedReader,
  keyOf,
  metricOf,
  NAMESPACE,
  post,
  TOKEN,
} from './controller-bed.ts'

describe('the feed', () => {
  let bed: ControllerBed
  beforeEach(async () => {
    bed = await new ControllerBed().start()
  })
  afterEach(() => bed.stop())

  const trigger = (name: string, path: string) =>
    bed.cluster.create(TRIGGERS, {
      apiVersion: 'dormouse.dev/v1alpha1',
      kind: 'Trigger',
      metadata: { name, namespace: NAMESPACE },
      spec: { function: 'hello', http: { path } },
    } as NewObject<Trigger>)

  const eventTrigger = (name: string, source: object) =>
    ({
      apiVersion: 'dormouse.dev/v1alpha1',
      kind: 'Trigger',
      metadata: { name, namespace: NAMESPACE },
      spec: { function: 'hello', ...source },
    }) as NewObject<Trigger>

  test('begins with everything and goes on with what changes, versions counting up by one', async () => {
    const process = await bed.controller()
    await bed.function('hello', { concurrency: 3, timeout: '7s' })
    await until(async () => (await activate(process, 'hello')).outcome === 'endpoint')
    const reader = await new FeedReader().open(process)
    expect(reader.messages[0]).toMatchObject({
      type: 'snapshot',
      functions: [{ key: keyOf('hello'), concurrency: 3, timeoutMs: 7_000, maxPods: 20, signature: 'event' }],
      endpoints: [{ function: keyOf('hello'), acknowledges: true }],
    })

    await bed.function('second')
    await trigger('web', '/hello')
    await until(() => reader.messages.some((message) => message.type === 'change' && message.routes?.length === 1))
    await bed.cluster.delete(FUNCTIONS, { namespace: NAMESPACE, name: 'second' })
    await until(() =>
      reader.messages.some(
        (message) => message.type === 'change' && message.removedFunctions.includes(keyOf('second')),
      ),
    )

    const versions = reader.messages.map(({ version }) => version)
    expect(versions).toEqual(versions.map((_, index) => versions[0]! + index))
    reader.close()
  })

  test('tells dispatchers of kafka and cron Triggers, at first and when they change', async () => {
    await bed.cluster.create(TRIGGERS, eventTrigger('on-orders', { kafka: { topics: ['orders'] } }))
    const process = await bed.controller()
    const reader = await new FeedReader().open(process)
    expect(reader.messages[0]).toMatchObject({
      subscriptions: [
        { trigger: keyOf('on-orders'), function: keyOf('hello'), topics: ['orders'], ordering: 'unordered' },
      ],
    })

    await bed.cluster.create(TRIGGERS, eventTrigger('nightly', { cron: { schedule: '0 3 * * *' } }))
    await trigger('web', '/hello')
    const lists = () =>
      reader.messages.flatMap((message) => ('subscriptions' in message ? [message.subscriptions] : []))
    await until(() => reader.messages.some((message) => message.type === 'change' && message.routes?.length === 1))
    expect(
      lists()
        .at(-1)
        ?.map(({ trigger: key, source }) => `${key} ${source}`),
    ).toEqual(['default/nightly cron', 'default/on-orders kafka'])
    reader.close()
  })

  test('tells what becomes of asynchronous invocations; another policy is no other revision', async () => {
    const process = await bed.controller()
    await bed.function('hello')
    const reader = await new FeedReader().open(process)
    const last = () => reader.messages.flatMap((message) => ('functions' in message ? message.functions : [])).at(-1)
    await until(() => last() !== undefined)
    const before = last()
    expect(before?.async).toEqual({
      maxAttempts: 3,
      maxAgeMs: 6 * 3_600_000,
      backoff: { initialMs: 60_000, factor: 2, maxMs: 300_000 },
    })

    const policy = {
      maxAttempts: 1,
      maxAge: '90s',
      backoff: { initial: '2s', factor: 3, max: '4s' },
      onSuccess: { function: 'audit' },
      onFailure: { topic: 'failed' },
    }
    await bed.cluster.patch(FUNCTIONS, { namespace: NAMESPACE, name: 'hello' }, { spec: { async: policy } })
    await until(() => last()?.async?.maxAttempts === 1)
    expect(last()?.async).toEqual({
      maxAttempts: 1,
      maxAgeMs: 90_000,
      backoff: { initialMs: 2_000, factor: 3, maxMs: 4_000 },
      onSuccess: { function: keyOf('audit') },
      onFailure: { topic: 'failed' },
    })
    expect(last()?.revision).toBe(before?.revision)

    const url = { onSuccess: null, onFailure: { topic: null, url: 'http://a.example/x' } }
    await bed.cluster.patch(FUNCTIONS, { namespace: NAMESPACE, name: 'hello' }, { spec: { async: url } })
    await until(() => last()?.async?.onSuccess === undefined)
    expect(last()?.async?.onFailure).toEqual({ url: 'http://a.example/x' })
    reader.close()
  })

  test('brings a new serving revision and its endpoints in one message, and the old endpoints go with it', async () => {
    const process = await bed.controller()
    await bed.function('hello', code('one'))
    const before = endpointOf(await activate(process, 'hello'))
    const reader = await new FeedReader().open(process)

    await bed.cluster.patch(FUNCTIONS, { namespace: NAMESPACE, name: 'hello' }, { spec: code('two') })
    await until(() => reader.endpoints('hello').some(({ revision }) => revision !== before.revision))

    const switches = reader.messages.filter(
      (message) => message.type === 'change' && message.removedEndpoints.includes(before.id),
    )
    expect(switches).toHaveLength(1)
    const [change] = switches
    const revision = change?.type === 'change' ? change.functions[0]?.revision : undefined
    expect(revision).toBeDefined()
    expect(revision).not.toBe(before.revision)
    expect(change).toMatchObject({ endpoints: [{ revision }] })
    reader.close()
  })

  test('cuts a consumer that does not read, and the others go on', async () => {
    const process = await bed.controller({ feedBufferBytes: 1 << 20 })
    const { port } = new URL(process.url)
    const stuck = connect(Number(port), '127.0.0.1')
    stuck.on('error', () => undefined)
    let ended = false
    stuck.on('close', () => (ended = true))
    stuck.write(`GET /v1/feed HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\n\r\n`)
    stuck.pause()
    const reader = await new FeedReader().open(process)
    await until(async () => (await metricOf(process, 'dormouse_controller_feed_consumers')) === 2)

    // Route tables are replaced whole: with enough routes every change is a big line.
    const path = (index: number) => `/${'x'.repeat(450)}/${index}`
    for (let index = 0; index < 400; index += 1) await trigger(`t-${index}`, path(index))
    await until(async () => {
      await bed.cluster.patch(
        TRIGGERS,
        { namespace: NAMESPACE, name: 't-0' },
        { spec: { http: { path: `/${Math.random()}` } } },
      )
      return (await metricOf(process, 'dormouse_controller_feed_cut_total')) === 1
    }, 60_000)
    stuck.destroy()
    await until(() => ended)
    expect(reader.ended).toBe(false)
    expect(await metricOf(process, 'dormouse_controller_feed_consumers')).toBe(1)
    reader.close()
  }, 120_000)

  test('a pod that is retired goes as soon as all data planes say that they know', async () => {
    const process = await bed.controller()
    await bed.function('hello')
    const reader = await new FeedReader().open(process)
    await activate(process, 'hello')
    await until(() => reader.endpoints('hello').length === 1)
    // It would go after two seconds of silence, too, and a busy machine is late: the quickest of some counts.
    let tookMs = Infinity
    for (const text of ['two', 'three', 'four', 'five']) if (tookMs > 1_000) tookMs = await retired(text)
    expect(tookMs).toBeLessThan(1_000)

    async function retired(text: string): Promise<number> {
      const [endpoint] = reader.endpoints('hello')
      const pod = bed.kubelet.pods.get(endpoint!.pod)!
      // Before the removal: this report must not count as knowing of it.
      await reader.report(process)
      const changedAtMs = performance.now()
      await bed.cluster.patch(FUNCTIONS, { namespace: NAMESPACE, name: 'hello' }, { spec: code(text) })
      await until(() => reader.endpoints('hello').every(({ id }) => id !== endpoint!.id))
      await new Promise((resolve) => setTimeout(resolve, 100))
      const hasEnded = pod.ended
      if (performance.now() - changedAtMs < 1_900) expect(hasEnded).toBe(false)

      const toldAtMs = performance.now()
      await reader.report(process)
      await until(() => pod.ended)
      return hasEnded ? Infinity : performance.now() - toldAtMs
    }
    reader.close()
  })

  test('a pod that is retired goes after two seconds when data planes are silent', async () => {
    const process = await bed.controller()
    await bed.function('hello')
    const endpoint = endpointOf(await activate(process, 'hello'))
    const pod = bed.kubelet.pods.get(endpoint.pod)!
    const changedAtMs = Date.now()

    await bed.cluster.patch(FUNCTIONS, { namespace: NAMESPACE, name: 'hello' }, { spec: code('two') })

    await until(() => pod.ended)
    expect(Date.now() - changedAtMs).toBeGreaterThan(1_900)
  })

  test('is for data planes only: others get 401, and unknown paths, methods and bodies their own answer', async () => {
    const { url } = await bed.controller()
    expect((await fetch(`${url}/v1/feed`)).status).toBe(401)
    expect((await post(`${url}/v1/load`, {}, 'wrong')).status).toBe(401)
    expect((await post(`${url}/v1/load`, { reporter: 1 })).status).toBe(400)
    expect((await fetch(`${url}/v1/nothing`)).status).toBe(404)
    const wrongMethod = await fetch(`${url}/v1/activations`)
    expect(wrongMethod.status).toBe(405)
    expect(wrongMethod.headers.get('allow')).toBe('POST')
    expect(wrongMethod.headers.get('content-type')).toBe('application/problem+json')
    const tooLarge = await post(`${url}/v1/activations`, { function: 'x'.repeat(20_000) })
    expect(tooLarge.status).toBe(413)
    expect(await tooLarge.json()).toMatchObject({ code: 'too-large' })
  })
})
