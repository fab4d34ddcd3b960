import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, expect, test } from '@jest/globals'
import { FUNCTIONS, TRIGGERS } from '../../../api/kinds.ts'
import type { FeedRoute } from '../../../api/protocol.ts'
import type { HttpTrigger, Trigger } from '../../../api/trigger.ts'
import { admit } from '../../../api/validate.ts'
import { createTriggersController } from '../../../controller/triggers/triggers-controller.ts'
import type { NewObject } from '../../../kube/cluster.ts'
import { getCondition } from '../../../kube/conditions.ts'
import { createMemoryCluster } from '../../../kube/memory/memory-cluster.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { newFunction } from '../../builders/kube-objects.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

const namespace = 'default'

function newTrigger(name: string, http: Partial<HttpTrigger> = {}, target = 'web'): NewObject<Trigger> {
  return {
    apiVersion: 'dormouse.dev/v1alpha1',
    kind: 'Trigger',
    metadata: { namespace, name },
    spec: { function: target, http: http as HttpTrigger },
  }
}

let stop = async (): Promise<void> => undefined
afterEach(() => stop())

async function startBed() {
  const clock = new FakeClock()
  const cluster = createMemoryCluster({ admit, now: clock.now })
  const caches = { triggers: cluster.cache(TRIGGERS), functions: cluster.cache(FUNCTIONS) }
  const tables: (readonly FeedRoute[])[] = []
  const controller = createTriggersController({
    cluster,
    ...caches,
    routes: { set: (routes) => void tables.push(routes) },
    subscriptions: { set: () => undefined },
    clock,
    logger: silentLogger,
  })
  await controller.start()
  stop = async () => {
    await controller.stop()
    Object.values(caches).forEach((cache) => cache.stop())
  }
  const settle = async () => {
    for (let round = 0; round < 40; round += 1) await turn()
    await cluster.settled()
  }
  const condition = async (name: string, type: string) => {
    const found = getCondition((await cluster.get(TRIGGERS, { namespace, name }))?.status?.conditions, type)
    return found && `${found.status} ${found.reason}`
  }
  const routed = () => tables.at(-1)?.map(({ trigger }) => trigger)
  return { cluster, clock, tables, settle, condition, routed }
}

test('a route is published, whether its Function is there yet or not', async () => {
  const { cluster, settle, condition, routed } = await startBed()
  await cluster.create(TRIGGERS, newTrigger('a'))
  await settle()
  expect(routed()).toEqual(['default/a'])
  expect(await condition('a', 'Ready')).toBe('False FunctionNotFound')
  await cluster.create(FUNCTIONS, newFunction({ namespace, name: 'web' }))
  await settle()
  expect(await condition('a', 'Ready')).toBe('True Routed')
  await cluster.delete(FUNCTIONS, { namespace, name: 'web' })
  await settle()
  expect(await condition('a', 'Ready')).toBe('False FunctionNotFound')
})

test('the younger of two gets the route when the older lets go of it', async () => {
  const { cluster, clock, settle, condition, routed } = await startBed()
  await cluster.create(TRIGGERS, newTrigger('z', { path: '/x' }))
  clock.advance(5_000)
  await cluster.create(TRIGGERS, newTrigger('a', { path: '/x' }))
  await settle()
  expect(routed()).toEqual(['default/z'])
  expect(await condition('a', 'Accepted')).toBe('False Conflicted')
  await cluster.patch(TRIGGERS, { namespace, name: 'z' }, { spec: { http: { path: '/y' } } })
  await settle()
  expect(routed()).toEqual(['default/a', 'default/z'])
  expect(await condition('a', 'Accepted')).toBe('True Claimed')
  await cluster.patch(TRIGGERS, { namespace, name: 'z' }, { spec: { http: { path: '/x' } } })
  await settle()
  expect(await condition('a', 'Accepted')).toBe('False Conflicted')
  await cluster.delete(TRIGGERS, { namespace, name: 'z' })
  await settle()
  expect(routed()).toEqual(['default/a'])
})

test('our own status writes and changes that mean nothing publish no new table', async () => {
  const { cluster, settle, tables } = await startBed()
  await cluster.create(TRIGGERS, newTrigger('a'))
  await settle()
  const before = tables.length
  const version = (await cluster.get(TRIGGERS, { namespace, name: 'a' }))?.metadata.resourceVersion
  await cluster.create(FUNCTIONS, newFunction({ namespace, name: 'other' }))
  await settle()
  expect(tables).toHaveLength(before)
  expect((await cluster.get(TRIGGERS, { namespace, name: 'a' }))?.metadata.resourceVersion).toBe(version)
})

test('1,000 Triggers are one table, and a change of one is one more within half a second', async () => {
  const { cluster, settle, tables, routed } = await startBed()
  await cluster.create(FUNCTIONS, newFunction({ namespace, name: 'web' }))
  for (let index = 0; index < 1_000; index += 1)
    await cluster.create(TRIGGERS, newTrigger(`t-${index}`, { path: `/p/${index}` }))
  while (routed()?.length !== 1_000) await settle()
  for (let round = 0; round < 20; round += 1) await settle()
  const before = tables.length
  const startedMs = performance.now()
  await cluster.patch(TRIGGERS, { namespace, name: 't-500' }, { spec: { http: { path: '/moved' } } })
  while (tables.length === before) await turn()
  expect(performance.now() - startedMs).toBeLessThan(500)
  await settle()
  expect(tables).toHaveLength(before + 1)
  const statuses = await cluster.list(TRIGGERS)
  expect(statuses.every(({ status }) => getCondition(status?.conditions, 'Ready')?.status === 'True')).toBe(true)
}, 20_000)
