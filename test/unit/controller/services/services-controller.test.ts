import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { setImmediate as turn } from 'node:timers/promises'
import type { DormouseFunction } from '../../../../api/function.ts'
import { FUNCTIONS } from '../../../../api/kinds.ts'
import { admit } from '../../../../api/validate.ts'
import { createServiceBook, type ServiceBook } from '../../../../controller/services/service-book.ts'
import {
  createServicesController,
  type ServicesController,
} from '../../../../controller/services/services-controller.ts'
import type { Cache } from '../../../../kube/cluster.ts'
import { createMemoryCluster, type MemoryCluster } from '../../../../kube/memory/memory-cluster.ts'
import { ClusterError } from '../../../../kube/errors.ts'
import { SERVICES } from '../../../../kube/objects.ts'
import { silentLogger } from '../../../../lib/logger.ts'
import { until } from '../../../builders/eventually.ts'
import { newFunction } from '../../../builders/kube-objects.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

const HOST = 'dormouse-gateway-internal.dormouse-system.svc.cluster.local'
const REF = { namespace: 'default', name: 'web' }
let cluster: MemoryCluster
let book: ServiceBook
let controller: ServicesController
let clock: FakeClock
let stops: (() => void)[]
let functions: Cache<DormouseFunction>
/** Services that were to be created. */
let asked: string[]

beforeEach(async () => {
  cluster = createMemoryCluster({ admit })
  asked = []
  clock = new FakeClock()
  book = createServiceBook()
  functions = cluster.cache(FUNCTIONS)
  const services = cluster.cache(SERVICES, { labels: { 'app.kubernetes.io/managed-by': 'dormouse' } })
  await Promise.all([functions.synced, services.synced])
  stops = [() => functions.stop(), () => services.stop()]
  controller = createServicesController({
    ...{ cluster: asApiServer(), functions, services, book, host: HOST },
    clock,
    logger: silentLogger,
  })
  controller.start()
})
afterEach(async () => {
  await controller.stop()
  stops.forEach((stop) => stop())
})

/** Services have stricter names than the memory cluster asks for. */
function asApiServer(): Pick<MemoryCluster, 'create' | 'get' | 'apply'> {
  return {
    create: async (kind, object) => {
      const name = object.metadata.name ?? ''
      asked.push(name)
      if (/^[0-9]/.test(name)) throw new ClusterError('Invalid', `Service "${name}" is invalid: a DNS-1035 label must`)
      return cluster.create(kind, object)
    },
    get: (kind, ref) => cluster.get(kind, ref),
    apply: (kind, object) => cluster.apply(kind, object),
  }
}

const createWeb = () => cluster.create(FUNCTIONS, newFunction(REF))

test('a Function gets a Service of its name that it owns and that points to the gateways', async () => {
  const { metadata } = await createWeb()
  await until(() => book.get('default/web') === 'named')
  const service = await cluster.get(SERVICES, REF)
  expect(service?.spec).toMatchObject({ type: 'ExternalName', externalName: HOST })
  expect(service?.metadata.ownerReferences).toEqual([expect.objectContaining({ kind: 'Function', uid: metadata.uid })])
})

test('the Service of a Function that was deleted while our watch is silent is not made again and again', async () => {
  await createWeb()
  await until(() => book.get('default/web') === 'named')
  const known = functions.get(REF)
  Object.assign(functions, { get: () => known })
  await cluster.delete(FUNCTIONS, REF)
  for (let turns = 0; turns < 200; turns += 1) {
    clock.advance(5)
    await turn()
  }
  expect(asked).toEqual(['web'])
})

test('a Service of that name that is somebody else’s is left alone', async () => {
  const theirs = { apiVersion: 'v1', kind: 'Service' as const, metadata: REF, spec: { ports: [{ port: 80 }] } }
  const { metadata } = await cluster.create(SERVICES, theirs)
  await createWeb()
  await until(() => book.get('default/web') === 'taken')
  expect((await cluster.get(SERVICES, REF))?.metadata.resourceVersion).toBe(metadata.resourceVersion)
})

test('one that a deleted Function left behind is taken over', async () => {
  const labels = { 'app.kubernetes.io/managed-by': 'dormouse', 'dormouse.dev/function': 'web' }
  const spec = { type: 'ExternalName' as const, externalName: HOST }
  await cluster.create(SERVICES, { apiVersion: 'v1', kind: 'Service' as const, metadata: { ...REF, labels }, spec })
  const { metadata } = await createWeb()
  await until(() => book.get('default/web') !== undefined)
  expect(book.get('default/web')).toBe('named')
  const owners = (await cluster.get(SERVICES, REF))?.metadata.ownerReferences
  expect(owners).toEqual([expect.objectContaining({ uid: metadata.uid })])
})

test('a name that Kubernetes takes for no Service is asked for once', async () => {
  await cluster.create(FUNCTIONS, newFunction({ namespace: 'default', name: '7zip' }))
  await until(() => book.get('default/7zip') !== undefined)
  clock.advance(60 * 60_000)
  // Whoever is asked for after it has had its turn.
  await createWeb()
  await until(() => book.get('default/web') === 'named')
  expect(asked).toEqual(['7zip', 'web'])
  expect(book.get('default/7zip')).toBe('invalid')
})

test('one that was changed or deleted is made what it should be', async () => {
  await createWeb()
  await until(() => book.get('default/web') === 'named')
  await cluster.patch(SERVICES, REF, { spec: { externalName: 'elsewhere' } })
  await until(async () => (await cluster.get(SERVICES, REF))?.spec.externalName === HOST)
  await cluster.delete(SERVICES, REF)
  await until(async () => (await cluster.get(SERVICES, REF)) !== undefined)
})
