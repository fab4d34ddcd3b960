import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, expect, test } from '@jest/globals'
import { FUNCTIONS, TRIGGERS } from '../../../api/kinds.ts'
import type { FeedRoute, FeedSubscription } from '../../../api/protocol.ts'
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

function newEventTrigger(name: string, source: object): NewObject<Trigger> {
  const { apiVersion, kind, metadata } = newTrigger(name)
  return { apiVersion, kind, metadata, spec: { function: 'web', ...source } }
}

let stop = async (): Promise<void> => undefined
afterEach(() => stop())

async function startBed(existing: NewObject<Trigger>[] = []) {
  const clock = new FakeClock()
  const cluster = createMemoryCluster({ admit, now: clock.now })
  for (const trigger of existing) await cluster.create(TRIGGERS, trigger)
  const caches = { triggers: cluster.cache(TRIGGERS), functions: cluster.cache(FUNCTIONS) }
  const tables: (readonly FeedRoute[])[] = []
  const lists: (readonly FeedSubscription[])[] = []
  const controller = createTriggersController({
    cluster,
    ...caches,
    routes: { set: (routes) => void tables.push(routes) },
    subscriptions: { set: (subscriptions) => void lists.push(subscriptions) },
    checkSchedule: ({ schedule }) => (schedule.startsWith('61') ? 'expected a minute, got 61' : undefined),
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
  const subscribed = () => lists.at(-1)?.map(({ trigger }) => trigger)
  return { cluster, clock, tables, lists, settle, condition, routed, subscribed }
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

test('it has started when its first lists are out, though the first pass fails: nobody is told that there are no Triggers', async () => {
  const clock = new FakeClock()
  const cluster = createMemoryCluster({ admit, now: clock.now })
  await cluster.create(TRIGGERS, newEventTrigger('a', { cron: { schedule: '1 * * * *' } }))
  const caches = { triggers: cluster.cache(TRIGGERS), functions: cluster.cache(FUNCTIONS) }
  const lists: (readonly FeedSubscription[])[] = []
  let isFailing = true
  const controller = createTriggersController({
    ...{ cluster, ...caches, clock, logger: silentLogger },
    routes: { set: () => undefined },
    subscriptions: { set: (subscriptions) => void lists.push(subscriptions) },
    checkSchedule: () => {
      if (isFailing) throw new Error('out of luck')
      return undefined
    },
  })
  stop = async () => {
    await controller.stop()
    Object.values(caches).forEach((cache) => cache.stop())
  }
  let hasStarted = false
  const started = controller.start().then(() => (hasStarted = true))
  await turn()
  await turn()
  expect({ hasStarted, lists }).toEqual({ hasStarted: false, lists: [] })
  isFailing = false
  clock.advance(1_000)
  await started
  expect(lists.map((subscriptions) => subscriptions.length)).toEqual([1])
})

test('a subscription lives as long as its Trigger, whether its Function is there or not', async () => {
  const { cluster, lists, settle, condition, subscribed } = await startBed()
  await cluster.create(TRIGGERS, newEventTrigger('a', { kafka: { topics: ['orders'] } }))
  await settle()
  expect(subscribed()).toEqual(['default/a'])
  expect(await condition('a', 'Accepted')).toBe('True Subscribed')
  expect(await condition('a', 'Ready')).toBe('False FunctionNotFound')
  const before = lists.length
  await cluster.create(FUNCTIONS, newFunction({ namespace, name: 'web' }))
  await settle()
  expect(await condition('a', 'Ready')).toBe('True Subscribed')
  expect(lists).toHaveLength(before)
  await cluster.delete(TRIGGERS, { namespace, name: 'a' })
  await settle()
  expect(subscribed()).toEqual([])
})

test('a changed subscription is a new list, and no new table of routes', async () => {
  const { cluster, tables, lists, settle } = await startBed([newEventTrigger('a', { kafka: { topics: ['orders'] } })])
  await cluster.patch(TRIGGERS, { namespace, name: 'a' }, { spec: { kafka: { ordering: 'key' } } })
  await settle()
  expect(lists.at(-1)).toMatchObject([{ trigger: 'default/a', ordering: 'key' }])
  expect(tables).toHaveLength(1)
})

test('a Trigger that becomes one of another kind moves from one list to the other', async () => {
  const { cluster, settle, condition, routed, subscribed } = await startBed([newTrigger('a')])
  const kafka = { spec: { http: null, kafka: { topics: ['orders'] } } }
  await cluster.patch(TRIGGERS, { namespace, name: 'a' }, kafka)
  await settle()
  expect([routed(), subscribed()]).toEqual([[], ['default/a']])
  expect(await condition('a', 'Accepted')).toBe('True Subscribed')
})

test('a schedule that cannot be followed is told, and taken back when it is mended', async () => {
  const { cluster, settle, condition } = await startBed([newEventTrigger('a', { cron: { schedule: '61 * * * *' } })])
  await settle()
  expect(await condition('a', 'Accepted')).toBe('False InvalidSchedule')
  await cluster.patch(TRIGGERS, { namespace, name: 'a' }, { spec: { cron: { schedule: '1 * * * *' } } })
  await settle()
  expect(await condition('a', 'Accepted')).toBe('True Subscribed')
})

test('a tick that is claimed between two conditions stays in the status', async () => {
  const { cluster, settle, condition } = await startBed([newEventTrigger('a', { cron: { schedule: '1 * * * *' } })])
  await settle()
  const lastScheduleTime = '2026-03-01T06:01:00Z'
  await cluster.patchStatus(TRIGGERS, { namespace, name: 'a' }, { lastScheduleTime })
  await cluster.create(FUNCTIONS, newFunction({ namespace, name: 'web' }))
  await settle()
  expect(await condition('a', 'Ready')).toBe('True Subscribed')
  expect((await cluster.get(TRIGGERS, { namespace, name: 'a' }))?.status).toMatchObject({ lastScheduleTime })
})

test('1,000 Triggers are one table, and a change of one is one more within half a second', async () => {
  const { cluster, settle, tables, routed } = await startBed()
  await cluster.create(FUNCTIONS, newFunction({ namespace, name: 'web' }))
  for (let index = 0; index < 1_000; index += 1)
    await cluster.create(TRIGGERS, newTrigger(`t-${index}`, { path: `/p/${index}` }))
  while (routed()?.length !== 1_000) await settle()
  for (let round = 0; round < 20; round += 1) await settle()
  const before = tables.length
  // Of this process: what others take of the machine is not ours.
  const started = process.cpuUsage()
  await cluster.patch(TRIGGERS, { namespace, name: 't-500' }, { spec: { http: { path: '/moved' } } })
  while (tables.length === before) await turn()
  const { user, system } = process.cpuUsage(started)
  expect((user + system) / 1_000).toBeLessThan(500)
  await settle()
  expect(tables).toHaveLength(before + 1)
  const statuses = await cluster.list(TRIGGERS)
  expect(statuses.every(({ status }) => getCondition(status?.conditions, 'Ready')?.status === 'True')).toBe(true)
}, 120_000)
