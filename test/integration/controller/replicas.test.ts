import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { FUNCTIONS, TRIGGERS } from '../../../api/kinds.ts'
import { API_VERSION, LABEL } from '../../../api/names.ts'
import type { Trigger } from '../../../api/trigger.ts'
import { getCondition } from '../../../kube/conditions.ts'
import { CONTROLLER_REVISIONS } from '../../../kube/objects.ts'
import { until } from '../../builders/eventually.ts'
import { activate, code, endpointOf, FeedReader, invoke, keyOf, metricOf, NAMESPACE, post } from './controller-bed.ts'

import { leads, ReplicasBed, SHORT_LEASE, stays, type Replica } from './replicas-bed.ts'

jest.setTimeout(60_000)

let bed: ReplicasBed
let readers: FeedReader[]
beforeEach(() => {
  readers = []
})
afterEach(async () => {
  readers.forEach((reader) => reader.close())
  await bed.stop()
})

async function start(poolSize = 0, times?: typeof SHORT_LEASE): Promise<ReplicasBed> {
  bed = new ReplicasBed()
  if (times !== undefined) bed.times = times
  await bed.start({ poolSize })
  return bed
}

async function read(replica: Replica): Promise<FeedReader> {
  const reader = await new FeedReader().open(replica)
  readers.push(reader)
  return reader
}

const functionIn = (reader: FeedReader, name: string) =>
  reader.messages
    .flatMap((message) => (message.type === 'heartbeat' ? [] : message.functions))
    .findLast(({ key }) => key === keyOf(name))
const statusOf = async (name: string) => (await bed.cluster.get(FUNCTIONS, { namespace: NAMESPACE, name }))?.status
const alivePods = async () => (await bed.pods()).filter(({ metadata }) => metadata.deletionTimestamp === undefined)
const served = (name: string) => until(async () => (await statusOf(name))?.revision !== undefined)

describe('of two controllers', () => {
  test('one writes, and both tell data planes the same', async () => {
    await start(1)
    const [leader, follower] = await bed.pair()
    const [ofLeader, ofFollower] = [await read(leader), await read(follower)]

    await bed.function('hello')
    await served('hello')

    const revision = (await statusOf('hello'))?.revision
    await until(() => [ofLeader, ofFollower].every((reader) => functionIn(reader, 'hello')?.revision === revision))
    expect(await bed.cluster.list(CONTROLLER_REVISIONS)).toHaveLength(1)
    await until(async () => (await alivePods()).length === 1)
    expect(follower.writes).toEqual([])
  })

  test('the one that follows wakes functions, and the leader lets such a pod be', async () => {
    await start()
    const [leader, follower] = await bed.pair()
    const ofLeader = await read(leader)
    await bed.function('hello')
    await served('hello')

    const endpoint = endpointOf(await activate(follower, 'hello'))

    expect(await invoke(endpoint)).toMatchObject({ status: 200, body: { function: keyOf('hello') } })
    await until(() => ofLeader.endpoints('hello').length === 1)
    expect(ofLeader.endpoints('hello')).toEqual([endpoint])
    const report = () =>
      ofLeader.report(leader, {
        functions: [{ key: keyOf('hello'), inFlight: 0, queued: 0, meanConcurrency: 0, idleMs: 0, endpoints: {} }],
      })
    await stays('its pod serves', async () => (await report(), ofLeader.endpoints('hello').length === 1), 2_500)
    expect(await alivePods()).toHaveLength(1)
  })

  test('both wake a function at once: each asker is answered, and pods above max go again', async () => {
    await start()
    const [leader, follower] = await bed.pair()
    await bed.function('hello', { scaling: { max: 1 } as never })
    await served('hello')

    const answers = await Promise.all([activate(leader, 'hello'), activate(follower, 'hello')])

    for (const answer of answers) expect(await invoke(endpointOf(answer))).toMatchObject({ status: 200 })
    await until(async () => (await alivePods()).length === 1)
  })

  test('both want the same waiting pod: one gets it, the other another', async () => {
    await start(1)
    const [leader, follower] = await bed.pair()
    await bed.function('one')
    await bed.function('two')
    await Promise.all([served('one'), served('two')])
    await until(async () => (await alivePods()).length === 1)
    await until(async () => (await alivePods()).every(({ status }) => status?.podIP !== undefined))

    const answers = await Promise.all([activate(leader, 'one'), activate(follower, 'two')])

    const pods = answers.map((answer) => endpointOf(answer).pod)
    expect(new Set(pods).size).toBe(2)
  })

  test('both take waiting pods at once, each another: nobody is turned away by a pod', async () => {
    await start(2)
    const [leader, follower] = await bed.pair()
    await bed.function('one')
    await bed.function('two')
    await Promise.all([served('one'), served('two')])
    const idle = async ({ metrics }: Replica) => {
      const { values } = (await metrics.registry.getSingleMetric('dormouse_controller_pool_pods')?.get()) ?? {
        values: [],
      }
      return values.find(({ labels }) => labels['stage'] === 'ready')?.value
    }
    await until(async () => (await idle(leader)) === 2 && (await idle(follower)) === 2)

    const answers = await Promise.all([activate(leader, 'one'), activate(follower, 'two')])

    for (const answer of answers) expect(await invoke(endpointOf(answer))).toMatchObject({ status: 200 })
    for (const replica of [leader, follower])
      expect(await metricOf(replica, 'dormouse_controller_specialize_failures_total')).toBe(0)
  })

  test('each makes a pod for whom it wakes: one that boots for the other is not counted on', async () => {
    await start()
    const { promise: boots, resolve: boot } = Promise.withResolvers<void>()
    bed.kubelet.behaviour = { boots }
    const [leader, follower] = await bed.pair()
    for (const name of ['one', 'two']) await bed.function(name)
    await Promise.all([served('one'), served('two')])

    const first = activate(leader, 'one')
    await until(async () => (await alivePods()).length === 1)
    const second = activate(follower, 'two')

    await until(() => follower.writes.includes('create Pod'))
    boot()
    const answers = await Promise.all([first, second])
    expect(new Set(answers.map((answer) => endpointOf(answer).pod)).size).toBe(2)
  })

  test('a new revision takes over in the feed of the one that follows without a moment without pods', async () => {
    await start(2)
    const [, follower] = await bed.pair()
    const reader = await read(follower)
    await bed.function('hello', code('first'))
    await served('hello')
    const first = endpointOf(await activate(follower, 'hello'))
    await until(() => reader.endpoints('hello').length === 1)
    const from = reader.messages.length

    await bed.cluster.patch(FUNCTIONS, { namespace: NAMESPACE, name: 'hello' }, { spec: code('second') })
    await until(async () => {
      const { revision } = functionIn(reader, 'hello') ?? {}
      return revision !== undefined && revision !== first.revision
    })
    await until(() => reader.endpoints('hello').every(({ revision }) => revision !== first.revision))

    expect(momentsWithoutPods(reader, from)).toEqual([])
  })

  test('nothing is written while nothing happens but the renewals of the lease', async () => {
    await start(1)
    const [leader, follower] = await bed.pair({ resyncMs: 200 })
    const ofLeader = await read(leader)
    await bed.function('hello')
    await served('hello')
    endpointOf(await activate(follower, 'hello'))
    await until(() => ofLeader.endpoints('hello').length === 1)
    await until(async () => (await alivePods()).length === 2)
    await delay(1_500)
    for (const { writes } of bed.replicas) writes.splice(0)

    await delay(2_000)

    expect(bed.replicas.map(({ writes }) => writes)).toEqual([[], []])
  })

  test('a data plane of the other has let go of a retired pod before it ends', async () => {
    await start()
    const [leader, follower] = await bed.pair()
    const reader = await read(follower)
    await bed.function('hello')
    await served('hello')
    const { pod } = endpointOf(await activate(leader, 'hello'))
    await until(() => reader.endpoints('hello').length === 1)

    await bed.cluster.delete(FUNCTIONS, { namespace: NAMESPACE, name: 'hello' })

    const hasEnded = () => bed.kubelet.pods.get(pod)?.ended === true
    await until(() => reader.endpoints('hello').length === 0 || hasEnded())
    expect(reader.endpoints('hello')).toEqual([])
    await until(hasEnded)
  })
})

describe('when the leader', () => {
  test('stops, the other leads long before the lease would have run out; pods serve on and sleeping functions wake meanwhile', async () => {
    await start(1)
    const [leader, follower] = await bed.pair()
    const reader = await read(follower)
    await bed.function('warm')
    await bed.function('sleeping')
    await Promise.all([served('warm'), served('sleeping')])
    const warm = endpointOf(await activate(leader, 'warm'))
    await until(() => reader.endpoints('warm').length === 1)

    const stopped = leader.controller.stop()
    const woken = endpointOf(await activate(follower, 'sleeping'))
    await stopped
    await leads(follower, 5_000)

    expect(await invoke(warm)).toMatchObject({ status: 200 })
    expect(await invoke(woken)).toMatchObject({ status: 200 })
    expect(reader.endpoints('warm')).toEqual([warm])
    await bed.function('late')
    await served('late')
  })

  test('stops, whoever waits for a wake-up there still gets its pod', async () => {
    await start()
    const [leader] = await bed.pair()
    await bed.function('hello')
    await served('hello')
    bed.kubelet.behaviour = { bootMs: 300 }
    const answer = activate(leader, 'hello')
    await until(async () => (await bed.pods()).length === 1)

    await leader.controller.stop()

    expect(await invoke(endpointOf(await answer))).toMatchObject({ status: 200 })
  })

  test('stops, it takes no new questions and its feed ends', async () => {
    await start()
    const [leader] = await bed.pair()
    await bed.function('hello')
    await served('hello')
    const reader = await read(leader)
    bed.kubelet.behaviour = { bootMs: 500 }
    const answer = activate(leader, 'hello')
    await until(async () => (await bed.pods()).length === 1)

    const stopped = leader.controller.stop()

    await until(() => reader.ended)
    const refused = await post(`${leader.url}/v1/activations`, {
      function: keyOf('hello'),
      reporter: 'x',
      queued: 1,
      inFlight: 0,
      waitMs: 100,
    })
    expect(refused.status).toBe(503)
    expect((await answer).outcome).toBe('endpoint')
    await stopped
  })

  test('dies, the other wakes at once and leads when the lease has run out', async () => {
    await start(0, SHORT_LEASE)
    const [leader, follower] = await bed.pair()
    await bed.function('hello')
    await served('hello')
    const killed = leader.kill()
    expect(await bed.holder()).toBe(leader.name)

    const endpoint = endpointOf(await activate(follower, 'hello'))

    expect(await invoke(endpoint)).toMatchObject({ status: 200 })
    await killed
    await leads(follower)
    await stays('the pod it woke serves', async () => (await alivePods()).length === 1, 1_500)
  })

  test('dies between a pod and its call, the other finds the pod by what the kubelet says', async () => {
    await start(0, SHORT_LEASE)
    const [leader, follower] = await bed.pair()
    await bed.function('hello')
    await served('hello')
    bed.kubelet.behaviour = { bootMs: 300 }
    void activate(leader, 'hello').catch(() => undefined)
    await until(async () => (await bed.pods()).length === 1)
    const [made] = await bed.pods()
    await until(() => bed.kubelet.pods.has(made?.metadata.name ?? ''))
    await leader.kill()

    const endpoint = endpointOf(await activate(follower, 'hello'))

    expect(endpoint.pod).toBe(made?.metadata.name)
    expect(await invoke(endpoint)).toMatchObject({ status: 200 })
  })

  test('dies, pods that ended while nobody led are removed by the next', async () => {
    await start(0, SHORT_LEASE)
    const [leader, follower] = await bed.pair()
    const reader = await read(follower)
    await bed.function('hello')
    await served('hello')
    const { pod } = endpointOf(await activate(leader, 'hello'))
    await until(() => reader.endpoints('hello').length === 1)
    await leader.kill()
    await bed.kubelet.kill(pod)

    await until(() => reader.endpoints('hello').length === 0)
    expect(follower.writes).toEqual([])
    await leads(follower)

    await until(async () => (await bed.pods()).every(({ metadata }) => metadata.name !== pod))
  })
})

test.each(['dies', 'stops'] as const)(
  'when the leader %s while the pool boots, the next makes no pod twice, and all of them are used',
  async (how) => {
    await start(3, SHORT_LEASE)
    const [leader, follower] = await bed.pair()
    bed.kubelet.behaviour = { bootMs: 1_500 }
    await bed.function('hello')
    await until(async () => (await bed.pods()).length === 3)
    await (how === 'dies' ? leader.kill() : leader.controller.stop())
    await leads(follower)
    const ready = () => metricOf(follower, 'dormouse_controller_pool_pods')
    await until(async () => (await ready()) === 3)
    await stays('nothing is made or removed', async () => (await alivePods()).length === 3, 500)
    expect(follower.writes.filter((write) => write.endsWith(' Pod'))).toEqual([])
  },
)

test('one alone that cannot renew its lease writes nothing of a leader, wakes and serves on, and leads again when it can', async () => {
  await start(1, SHORT_LEASE)
  const alone = await bed.replica()
  await leads(alone)
  const reader = await read(alone)
  await bed.function('hello')
  await served('hello')
  const waiting = () =>
    alivePods().then((pods) => pods.filter(({ metadata }) => metadata.labels?.[LABEL.function] === undefined))
  await until(async () => (await waiting()).length === 1)
  alone.loseLease(true)
  await until(async () => (await metricOf(alone, 'dormouse_controller_leader')) === 0)
  const before = alone.writes.length

  const endpoint = endpointOf(await activate(alone, 'hello'))

  expect(await invoke(endpoint)).toMatchObject({ status: 200 })
  await until(() => reader.endpoints('hello').length === 1)
  await until(async () => (await waiting()).length === 0)
  await stays('nobody refills the pool', async () => (await waiting()).length === 0, 1_000)
  await bed.function('new')
  await stays('nobody looks at new Functions', async () => (await statusOf('new'))?.revision === undefined, 500)
  // Labels and resources of the claim, and that it was.
  expect(new Set(alone.writes.slice(before))).toEqual(new Set(['patch Pod', 'event Woken']))
  alone.loseLease(false)
  await leads(alone)
  await served('new')
  await until(async () => (await waiting()).length === 1)
})

test('a Function that no leader has looked at yet is woken when one has', async () => {
  await start(0, SHORT_LEASE)
  const [leader, follower] = await bed.pair()
  await leader.kill()
  const reader = await read(follower)
  await bed.function('new')
  await until(() => functionIn(reader, 'new') !== undefined)

  const answer = activate(follower, 'new')
  expect(await bed.cluster.list(CONTROLLER_REVISIONS)).toEqual([])

  expect(await invoke(endpointOf(await answer))).toMatchObject({ status: 200 })
})

test("a pod of a follower that dies is the leader's: its labels say whose it is", async () => {
  await start()
  const [leader, follower] = await bed.pair()
  const ofLeader = await read(leader)
  await bed.function('hello')
  await served('hello')
  const endpoint = endpointOf(await activate(follower, 'hello'))
  await follower.kill()

  await until(() => ofLeader.endpoints('hello').length === 1)
  expect(ofLeader.endpoints('hello')).toEqual([endpoint])
  await until(async () => (await bed.pods())[0]?.metadata.labels?.[LABEL.state] === 'claimed')
})

test('without an event log cron and kafka Triggers are refused in their conditions with the reason', async () => {
  await start()
  await bed.pair()
  await bed.function('hello')
  const ref = { namespace: NAMESPACE, name: 'tick' }
  const spec = { function: 'hello', cron: { schedule: '* * * * *' } } as Trigger['spec']
  await bed.cluster.create(TRIGGERS, { apiVersion: API_VERSION, kind: 'Trigger', metadata: ref, spec })
  const accepted = async () => getCondition((await bed.cluster.get(TRIGGERS, ref))?.status?.conditions, 'Accepted')

  await until(async () => (await accepted()) !== undefined)

  expect(await accepted()).toMatchObject({ status: 'False', reason: 'InvalidSchedule' })
  expect((await accepted())?.message).toContain('this installation has no Kafka')
  const orders = { namespace: NAMESPACE, name: 'orders' }
  const reading = { function: 'hello', kafka: { topics: ['orders'] } } as Trigger['spec']
  await bed.cluster.create(TRIGGERS, { apiVersion: API_VERSION, kind: 'Trigger', metadata: orders, spec: reading })
  const ofOrders = async () => (await bed.cluster.get(TRIGGERS, orders))?.status?.conditions
  await until(async () => (await ofOrders()) !== undefined)
  for (const type of ['Accepted', 'Ready'])
    expect(getCondition(await ofOrders(), type)).toMatchObject({
      ...{ status: 'False', reason: 'NoKafka' },
      message: 'Its topics cannot be read: this installation has no Kafka; its operator sets the brokers.',
    })
})

/** Numbers of messages after which the function had no pod of the revision that serves. */
function momentsWithoutPods(reader: FeedReader, from: number): number[] {
  const endpoints = new Map<string, string>()
  let revision = ''
  return reader.messages.flatMap((message, index) => {
    if (message.type === 'heartbeat') return []
    if (message.type === 'change') message.removedEndpoints.forEach((id) => endpoints.delete(id))
    message.endpoints.forEach((endpoint) => endpoints.set(endpoint.id, endpoint.revision))
    for (const fn of message.functions) revision = fn.revision
    return index < from || [...endpoints.values()].includes(revision) ? [] : [index]
  })
}
