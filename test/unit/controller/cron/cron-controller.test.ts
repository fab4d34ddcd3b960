import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { TRIGGERS } from '../../../../api/kinds.ts'
import type { Trigger } from '../../../../api/trigger.ts'
import { admit } from '../../../../api/validate.ts'
import { createCronController, type CronController } from '../../../../controller/cron/cron-controller.ts'
import type { NewObject } from '../../../../kube/cluster.ts'
import { createMemoryCluster, type MemoryCluster } from '../../../../kube/memory/memory-cluster.ts'
import { EVENTS } from '../../../../kube/objects.ts'
import { silentLogger } from '../../../../lib/logger.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { FakeTickLog } from '../../../fakes/fake-tick-log.ts'

const REF = { namespace: 'default', name: 'report' }
const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

const cronTrigger = (cron: object): NewObject<Trigger> => ({
  apiVersion: 'dormouse.dev/v1alpha1',
  kind: 'Trigger',
  metadata: REF,
  spec: { function: 'report', cron: cron as Trigger['spec']['cron'] },
})

let clock: FakeClock
let cluster: MemoryCluster
let log: FakeTickLog
let stops: (() => Promise<void>)[]

beforeEach(() => {
  clock = new FakeClock(Date.parse('2026-01-01T08:30:00Z'))
  cluster = createMemoryCluster({ admit, now: clock.now })
  log = new FakeTickLog()
  stops = []
})
afterEach(() => Promise.all(stops.map((stop) => stop())))

/** One process; `ticks` when it sees the log through something of its own. */
async function startReplica(ticks = log): Promise<{ controller: CronController; kill(): Promise<void> }> {
  const triggers = cluster.cache(TRIGGERS)
  const controller = createCronController({ cluster, triggers, ticks, clock, logger: silentLogger })
  await controller.start()
  const kill = async () => {
    await controller.stop()
    triggers.stop()
  }
  stops.push(kill)
  await settle()
  return { controller, kill }
}

async function settle(): Promise<void> {
  for (let round = 0; round < 20; round += 1) await turn()
  await cluster.settled()
}

/** In steps, so that what a timer started ends before the next. */
async function pass(durationMs: number, stepMs = 10 * SECOND): Promise<void> {
  for (let left = durationMs; left > 0; left -= stepMs) {
    clock.advance(Math.min(stepMs, left))
    await settle()
  }
}

const apply = async (cron: object) => {
  await cluster.create(TRIGGERS, cronTrigger(cron))
  await settle()
}
const lastSchedule = async () => (await cluster.get(TRIGGERS, REF))?.status?.lastScheduleTime

test('every due time gets one tick, and the status names the last', async () => {
  await startReplica()
  await apply({ schedule: '0 * * * *' })
  await pass(3 * HOUR)
  expect(log.stored).toEqual(['09:00', '10:00', '11:00'])
  expect(await lastSchedule()).toBe('2026-01-01T11:00:00Z')
})

test('a tick comes at its due time, not at the next look', async () => {
  await startReplica()
  await apply({ schedule: '0 * * * *' })
  await pass(30 * MINUTE - SECOND)
  expect(log.stored).toEqual([])
  await pass(SECOND)
  expect(log.stored).toEqual(['09:00'])
})

test('a Trigger that is no cron Trigger is left alone', async () => {
  await startReplica()
  const spec = { function: 'web', kafka: { topics: ['orders'] } as Trigger['spec']['kafka'] }
  await cluster.create(TRIGGERS, { ...cronTrigger({}), spec })
  await pass(HOUR)
  expect(log.prepared).toEqual([])
})

test('several replicas tick once', async () => {
  await Promise.all([startReplica(), startReplica(), startReplica()])
  await apply({ schedule: '*/10 * * * *' })
  await pass(HOUR)
  expect(log.stored).toEqual(['08:40', '08:50', '09:00', '09:10', '09:20', '09:30'])
})

describe('between claim and record', () => {
  test('a log that is away is tried again until the tick is stored, once', async () => {
    await startReplica()
    await apply({ schedule: '0 * * * *' })
    log.failure = 'before'
    await pass(33 * MINUTE)
    expect(await lastSchedule()).toBe('2026-01-01T09:00:00Z')
    expect(log.stored).toEqual([])
    log.failure = 'none'
    await pass(MINUTE)
    expect(log.stored).toEqual(['09:00'])
  })

  test('a lost answer does not make a second record', async () => {
    await startReplica()
    await apply({ schedule: '0 * * * *' })
    log.failure = 'after'
    await pass(30 * MINUTE)
    log.failure = 'none'
    await pass(MINUTE)
    expect(log.stored).toEqual(['09:00'])
    expect(log.looks).toBeGreaterThan(0)
  })

  test('a process that died there leaves the tick to the next one', async () => {
    const deaf = new FakeTickLog()
    const first = await startReplica(deaf)
    await apply({ schedule: '0 * * * *' })
    deaf.failure = 'before'
    await pass(30 * MINUTE)
    await first.kill()
    expect(await lastSchedule()).toBe('2026-01-01T09:00:00Z')
    await startReplica()
    await pass(MINUTE)
    expect(log.stored).toEqual(['09:00'])
  })

  test('a replica that lives takes over what another left, without a restart', async () => {
    const deaf = new FakeTickLog()
    const first = await startReplica(deaf)
    await apply({ schedule: '0 * * * *' })
    deaf.failure = 'before'
    await pass(30 * MINUTE)
    await startReplica()
    await first.kill()
    await pass(MINUTE)
    expect(log.stored).toEqual(['09:00'])
  })

  test('a tick that was stored is not stored again by the next process', async () => {
    const first = await startReplica()
    await apply({ schedule: '0 * * * *' })
    await pass(30 * MINUTE)
    await first.kill()
    await startReplica()
    await pass(HOUR)
    expect(log.stored).toEqual(['09:00', '10:00'])
  })
})

describe('missed ticks', () => {
  const whileStopped = async (cron: object, stoppedMs: number) => {
    const first = await startReplica()
    await apply(cron)
    await pass(30 * MINUTE)
    await first.kill()
    clock.advance(stoppedMs)
    await startReplica()
    await pass(MINUTE)
  }

  test('are one tick, that of the last due time', async () => {
    await whileStopped({ schedule: '0 * * * *', startingDeadline: '3h' }, 5 * HOUR + 10 * MINUTE)
    expect(log.stored).toEqual(['09:00', '14:00'])
  })

  test('are none after the deadline, and an Event says so', async () => {
    await whileStopped({ schedule: '0 * * * *', startingDeadline: '5m' }, 5 * HOUR + 10 * MINUTE)
    expect(log.stored).toEqual(['09:00'])
    const events = await cluster.list(EVENTS)
    expect(events.map(({ reason, count, message }) => ({ reason, count, message }))).toEqual([
      { reason: 'MissedSchedule', count: 1, message: expect.stringContaining('2026-01-01T14:00:00Z') },
    ])
    await pass(HOUR)
    expect(log.stored).toEqual(['09:00', '15:00'])
  })

  test('after a clock jumped forward are one tick, within a minute', async () => {
    await startReplica()
    await apply({ schedule: '*/10 * * * *' })
    await pass(5 * MINUTE)
    clock.jump(2 * HOUR + MINUTE)
    await pass(MINUTE)
    expect(log.stored).toEqual(['10:30'])
  })
})

test('a clock that jumps back makes no second tick for a due time', async () => {
  await startReplica()
  await apply({ schedule: '*/10 * * * *' })
  await pass(HOUR)
  clock.jump(-35 * MINUTE)
  await pass(HOUR)
  expect(log.stored).toEqual(['08:40', '08:50', '09:00', '09:10', '09:20', '09:30', '09:40', '09:50'])
})

describe('changes', () => {
  test('another schedule counts from when it was made, not from the last tick', async () => {
    await startReplica()
    await apply({ schedule: '0 9 * * *' })
    await pass(2 * HOUR)
    await cluster.patch(TRIGGERS, REF, { spec: { cron: { schedule: '15 * * * *' } } })
    await pass(MINUTE)
    expect(log.stored).toEqual(['09:00'])
    await pass(HOUR)
    expect(log.stored).toEqual(['09:00', '11:15'])
  })

  test.each([
    { rule: 'that saw it', seen: true },
    { rule: 'that was gone before', seen: false },
  ])('another schedule counts from when it was made for whoever comes after the process $rule', async ({ seen }) => {
    const { kill } = await startReplica()
    await apply({ schedule: '0 9 * * *' })
    await pass(2 * HOUR)
    if (!seen) await kill()
    await cluster.patch(TRIGGERS, REF, { spec: { cron: { schedule: '15 * * * *' } } })
    await settle()
    await kill()
    await startReplica()
    await pass(MINUTE)
    expect(log.stored).toEqual(['09:00'])
    await pass(HOUR)
    expect(log.stored).toEqual(['09:00', '11:15'])
  })

  test('that it counts from a time far ahead was said by a clock that was wrong', async () => {
    await startReplica()
    await apply({ schedule: '0 * * * *' })
    const far = { schedule: '0 * * * *', timezone: 'UTC', since: '2036-01-01T00:00:00Z' }
    await cluster.patchStatus(TRIGGERS, REF, { followedSchedule: far })
    await pass(HOUR)
    expect(log.stored).toEqual(['09:00'])
  })

  test('one status write tells of a schedule, and whoever leads next writes none', async () => {
    const { kill } = await startReplica()
    await apply({ schedule: '0 9 * * *' })
    const followed = { schedule: '0 9 * * *', timezone: 'UTC', since: '2026-01-01T08:30:00Z' }
    const told = await cluster.get(TRIGGERS, REF)
    expect(told?.status).toEqual({ followedSchedule: followed })
    await pass(20 * MINUTE)
    await kill()
    await startReplica()
    await pass(MINUTE)
    expect((await cluster.get(TRIGGERS, REF))?.metadata.resourceVersion).toBe(told?.metadata.resourceVersion)
    await pass(10 * MINUTE)
    expect((await cluster.get(TRIGGERS, REF))?.status).toMatchObject({ followedSchedule: followed })
  })

  test('an API server whose CRD does not know where to keep that is not written to again and again', async () => {
    const patchStatus = cluster.patchStatus.bind(cluster)
    let writes = 0
    cluster.patchStatus = (kind, ref, ...[status, options]) => {
      writes += 1
      const { followedSchedule: _dropped, ...known } = status as { followedSchedule?: object }
      return patchStatus(kind, ref, known, options)
    }
    await startReplica()
    await apply({ schedule: '0 9 * * *' })
    await pass(2 * HOUR)
    expect(log.stored).toEqual(['09:00'])
    expect(writes).toBe(2)
  })

  test('a bad schedule does not tick, and a good one in its place does', async () => {
    await startReplica()
    await apply({ schedule: '61 * * * *' })
    await pass(HOUR)
    await cluster.patch(TRIGGERS, REF, { spec: { cron: { schedule: '0 * * * *' } } })
    await pass(HOUR)
    expect(log.stored).toEqual(['10:00'])
  })

  test('a deleted Trigger ticks no more and takes its topic along', async () => {
    await startReplica()
    await apply({ schedule: '0 * * * *' })
    await pass(HOUR)
    await cluster.delete(TRIGGERS, REF)
    await pass(HOUR)
    expect(log.stored).toEqual(['09:00'])
    expect(log.removed).toEqual(['default/report'])
  })

  test('one that is made anew ticks with other ids, and its topic is made ready before', async () => {
    await startReplica()
    await apply({ schedule: '0 * * * *' })
    await pass(HOUR)
    await cluster.delete(TRIGGERS, REF)
    await cluster.create(TRIGGERS, cronTrigger({ schedule: '0 * * * *' }))
    await pass(HOUR)
    expect(log.stored).toEqual(['09:00', '10:00'])
    expect(log.prepared).toEqual(['default/report', 'default/report'])
    expect(new Set(log.ids).size).toBe(2)
  })

  test('a Trigger that turns from cron to topics stops ticking', async () => {
    await startReplica()
    await apply({ schedule: '0 * * * *' })
    await cluster.patch(TRIGGERS, REF, { spec: { cron: null, kafka: { topics: ['orders'] } } })
    await pass(HOUR)
    expect(log.stored).toEqual([])
    expect(log.removed).toEqual(['default/report'])
  })
})

test('between ticks nothing is written', async () => {
  await startReplica()
  await apply({ schedule: '0 * * * *' })
  const before = (await cluster.get(TRIGGERS, REF))?.metadata.resourceVersion
  await pass(29 * MINUTE)
  expect((await cluster.get(TRIGGERS, REF))?.metadata.resourceVersion).toBe(before)
  expect(log.looks).toBe(0)
})

test('the conditions that others wrote stay when a tick is claimed', async () => {
  await startReplica()
  await apply({ schedule: '0 * * * *' })
  const condition = {
    type: 'Ready',
    status: 'True',
    reason: 'Subscribed',
    message: '',
    lastTransitionTime: '2026-01-01T08:30:00Z',
  }
  await cluster.patchStatus(TRIGGERS, REF, { observedGeneration: 1, conditions: [condition] })
  await pass(HOUR)
  expect((await cluster.get(TRIGGERS, REF))?.status).toMatchObject({
    observedGeneration: 1,
    conditions: [condition],
    lastScheduleTime: '2026-01-01T09:00:00Z',
  })
})
