/** Two controller processes share a cluster: the pod is the lock. Only fleets here; what reconciles runs in one of them. */
import { CodeStore } from '../../../controller/code/code-store.ts'
import { createCodeSupply } from '../../../controller/code/code-supply.ts'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { Agent } from 'undici'
import { admit } from '../../../api/validate.ts'
import type { DormouseFunction } from '../../../api/function.ts'
import { FUNCTIONS, RUNTIMES } from '../../../api/kinds.ts'
import { splitKey } from '../../../api/names.ts'
import type { Runtime } from '../../../api/runtime.ts'
import type { RevisionTemplate } from '../../../controller/fleet/fleet.ts'
import { DEFAULT_FLEET_LIMITS } from '../../../controller/fleet/pod-fleet-options.ts'
import { PodFleet } from '../../../controller/fleet/pod-fleet.ts'
import { createRuntimeClient } from '../../../controller/fleet/runtime-client.ts'
import { SOLE_LEADERSHIP } from '../../../controller/leadership.ts'
import { loadKeys } from '../../../controller/keys/keys.ts'
import { wallClock } from '../../../lib/clock.ts'
import type { NewObject } from '../../../kube/cluster.ts'
import { createMemoryCluster } from '../../../kube/memory/memory-cluster.ts'
import { PODS } from '../../../kube/objects.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { createMetrics } from '../../../lib/metrics.ts'
import { newFunction } from '../../builders/kube-objects.ts'
import { FakeKubelet } from '../../fakes/fake-kubelet.ts'
import { until } from '../../builders/eventually.ts'

const templateOf = ({ metadata: { name, uid } }: DormouseFunction, code = ''): RevisionTemplate => ({
  function: { namespace: 'default', name, uid },
  revision: 'r1',
  runtime: 'node',
  handler: 'index.handler',
  signature: 'event',
  files: { 'index.mjs': code },
  env: {},
  timeoutMs: 30_000,
  concurrency: 1,
  memoryMb: 128,
})

describe('two fleets on one cluster', () => {
  const cluster = () => createMemoryCluster({ admit })
  let kubelet: FakeKubelet
  let agent: Agent
  let fleets: PodFleet[]
  let stops: (() => void)[]

  beforeEach(() => {
    agent = new Agent()
    fleets = []
    stops = []
  })
  afterEach(async () => {
    fleets.forEach((fleet) => fleet.stop())
    stops.forEach((stop) => stop())
    await agent.destroy()
    await kubelet.stop()
  })

  async function world() {
    const api = cluster()
    kubelet = new FakeKubelet(api)
    await kubelet.start()
    const runtime = await api.create(RUNTIMES, {
      apiVersion: 'dormouse.dev/v1alpha1',
      kind: 'Runtime',
      metadata: { name: 'node' },
      spec: { image: 'local/node' },
    } as NewObject<Runtime>)
    const fleet = async () => {
      const [pods, runtimes, functions] = [api.cache(PODS), api.cache(RUNTIMES), api.cache(FUNCTIONS)]
      await Promise.all([pods.synced, runtimes.synced, functions.synced])
      stops.push(
        () => pods.stop(),
        () => runtimes.stop(),
        () => functions.stop(),
      )
      const keys = await loadKeys(api, 'dormouse-system')
      const settings = {
        phoneHomeUrl: 'http://127.0.0.1:9/v1/pods',
        publicKey: keys.publicKey,
        initTimeoutMs: 10_000,
        ports: { control: 0, data: 0 },
      }
      const made = new PodFleet({
        cluster: api,
        clock: wallClock,
        logger: silentLogger,
        metrics: createMetrics(),
        keys,
        pods,
        runtimes,
        client: createRuntimeClient({ dispatcher: agent, keys }),
        code: createCodeSupply(new CodeStore({ cluster: api })),
        settings,
        events: { record: () => undefined },
        limits: DEFAULT_FLEET_LIMITS,
        leadership: SOLE_LEADERSHIP,
        drained: () => Promise.resolve(),
        // The true uid: a fleet that repairs a label names the owner by it, and a pod whose owner does not exist is collected.
        existing: (key) => functions.get(splitKey(key))?.metadata,
        timeoutMsOf: () => undefined,
        servingTemplate: () => undefined,
      })
      await made.rebuild()
      fleets.push(made)
      return made
    }
    const template = async (name: string, code = '') =>
      templateOf(await api.create(FUNCTIONS, newFunction({ name, namespace: 'default' })), code)
    return { api, runtime, fleet, template }
  }

  const idle = (fleet: PodFleet) => [...fleet.generic()].filter(({ ready }) => ready).length

  test('that want the same waiting pod get one each: the second is told 409 and takes another', async () => {
    const { runtime, fleet, template } = await world()
    const [first, second] = [await fleet(), await fleet()]
    first.createGeneric('default/node', runtime)
    await until(() => idle(first) === 1 && idle(second) === 1)

    const [slow, other] = [await template('slow', 'slow'), await template('other', 'slow')]

    const [a, b] = await Promise.all([first.start(slow), second.start(other)])

    expect(a.pod.uid).not.toBe(b.pod.uid)
    expect([a.source, b.source].sort()).toEqual(['new', 'pool'])
    expect(kubelet.started).toBe(2)
    const loaded = kubelet.running().map(({ runtime }) => runtime.specialization?.function.name)
    expect(loaded.sort()).toEqual(['other', 'slow'])
  })

  test('show each other what they have woken', async () => {
    const { fleet, template } = await world()
    const [first, second] = [await fleet(), await fleet()]
    const { pod } = await first.start(await template('hello'))

    await until(() => second.pods('default/hello')[0]?.phase === 'ready')

    expect(second.pods('default/hello')[0]?.endpoint).toEqual(pod.endpoint)
  })

  test('derive the same keys when both start at once on an empty cluster', async () => {
    const { api } = await world()
    const [a, b] = await Promise.all([loadKeys(api, 'empty'), loadKeys(api, 'empty')])
    expect(a.publicKey).toBe(b.publicKey)
    expect(a.dataKey('uid')).toBe(b.dataKey('uid'))
  })

  test('a start that is retired while its code loads ends as stopped and its pod goes', async () => {
    const { api, fleet, template } = await world()
    const one = await fleet()
    const starting = one.start(await template('hello', 'slow'))
    const failure = starting.catch((error: unknown) => error)
    await until(() => kubelet.running()[0]?.runtime.state === 'specializing')

    one.retire(one.pods('default/hello')[0]!.uid, 'a newer revision serves')

    expect(await failure).toMatchObject({ code: 'stopped', message: expect.stringContaining('newer revision') })
    await until(async () => (await api.list(PODS)).length === 0)
  })
})
