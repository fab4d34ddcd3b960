/** Whole controllers on the adapter that clusters use, and an API server in trouble. */
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { FUNCTIONS } from '../../../api/kinds.ts'
import { createClientNodeCluster, type ClientNodeCluster } from '../../../kube/client-node/client-node-cluster.ts'
import { createLeaderElection } from '../../../kube/leader-election.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { until } from '../../builders/eventually.ts'
import { ServedCluster, type Fault } from '../../fakes/served-cluster.ts'
import { activate, code, ControllerBed, endpointOf, metricOf, NAMESPACE } from './controller-bed.ts'

jest.setTimeout(60_000)

let bed: ControllerBed
let api: ServedCluster
let clusters: ClientNodeCluster[]
beforeEach(async () => {
  bed = await new ControllerBed().start({ poolSize: 1 })
  api = await new ServedCluster(bed.cluster).start()
  clusters = []
})
afterEach(async () => {
  await bed.stop()
  await Promise.all(clusters.map((cluster) => cluster.close()))
  await api.stop()
})

function open(): ClientNodeCluster {
  const limits = { timeoutMs: 3_000, watchSilenceMs: 2_000 }
  const cluster = createClientNodeCluster({ access: api.access(), logger: silentLogger, ...limits })
  clusters.push(cluster)
  return cluster
}

const newFunction = (name: string) => bed.function(name, code(`export const handler = () => '${name}'`))
const isServed = async (name: string) =>
  (await bed.cluster.get(FUNCTIONS, { namespace: NAMESPACE, name }))?.status?.revision !== undefined
const areServed = async (names: string[]) => (await Promise.all(names.map(isServed))).every((served) => served)

test('functions are served and woken although connections are cut and die without a word', async () => {
  const controller = await bed.controller({ through: open() })
  await newFunction('one')
  await until(() => isServed('one'), 10_000)
  api.cut()
  endpointOf(await activate(controller, 'one'))
  api.silence()
  await newFunction('two')
  await until(() => isServed('two'), 10_000)
  // A call on a connection that has died waits for its time limit.
  await until(async () => (await activate(controller, 'two')).outcome === 'endpoint', 20_000)
})

test('of a bad quarter of a minute nothing is left: all functions are served, and the API has rest', async () => {
  const names = Array.from({ length: 8 }, (_, index) => `f${index}`)
  await bed.controller({ through: open(), resyncMs: 500 })
  const page = { status: 503, text: '<html>\n<b>Service Unavailable</b>' }
  const faults: Fault[] = ['reset', undefined, 'lost', undefined, undefined, page, undefined, 'lost', undefined]
  api.fault = () => faults[api.calls.length % faults.length]
  for (const name of names) {
    await newFunction(name)
    api.cut()
    await delay(200)
  }
  api.silence()
  await delay(3_000)
  api.fault = () => undefined
  await until(() => areServed(names), 15_000)
  await until(async () => (await bed.pods()).length === 1, 10_000)
  await delay(2_000)
  const before = api.calls.length
  await delay(2_000)
  // Watches that are opened anew, as they are told nothing here.
  const writes = api.calls.slice(before).filter((call) => !/^(GET|WATCH) /.test(call))
  expect(writes).toEqual([])
  for (const name of names) await bed.cluster.delete(FUNCTIONS, { namespace: NAMESPACE, name })
  await until(async () => (await bed.pods()).length === 0, 15_000)
})

test('with answers that take a second and a half two replicas do not both lead, and the work is done', async () => {
  const elections: { isLeader: boolean }[] = []
  const start = (identity: string) => {
    const cluster = open()
    const shared = { cluster, logger: silentLogger, namespace: 'dormouse-system', name: 'controller', identity }
    return bed.controller({
      ...{ through: cluster, lease: 'controller' },
      election: (decided) => {
        const election = createLeaderElection({ ...shared, ...decided })
        elections.push(election)
        return election
      },
    })
  }
  const first = await start('a')
  await until(async () => (await metricOf(first, 'dormouse_controller_leader')) === 1, 10_000)
  await start('b')
  api.slowMs = 1_500
  await newFunction('slow')
  const seen = new Set<number>()
  for (const startedMs = performance.now(); performance.now() - startedMs < 12_000; await delay(20))
    seen.add(elections.filter(({ isLeader }) => isLeader).length)
  expect(seen).toContain(1)
  expect(seen).not.toContain(2)
  expect(await isServed('slow')).toBe(true)
  api.slowMs = 0
})
