import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { TRIGGERS } from '../../../api/kinds.ts'
import { EVENT_HEADER } from '../../../api/names.ts'
import type { Trigger } from '../../../api/trigger.ts'
import { admit } from '../../../api/validate.ts'
import { createCronController } from '../../../controller/cron/cron-controller.ts'
import { tickId } from '../../../controller/cron/tick.ts'
import { createTickLog } from '../../../controller/cron/tick-log.ts'
import type { EventLog, LogRecord } from '../../../events/event-log.ts'
import { readToEnd } from '../../../events/read-topic.ts'
import { textOf } from '../../../events/record-headers.ts'
import { openSqliteEventLog, type SqliteEventLog } from '../../../events/sqlite/sqlite-event-log.ts'
import { createMemoryCluster, type MemoryCluster } from '../../../kube/memory/memory-cluster.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { eventually } from '../../builders/eventually.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

const REF = { namespace: 'default', name: 'report' }
const TOPIC = 'dormouse.default.report.ticks'
const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

let directory: string
let clock: FakeClock
let cluster: MemoryCluster
let log: SqliteEventLog
let stops: (() => Promise<void>)[]

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dormouse-cron-'))
  clock = new FakeClock(Date.parse('2026-01-01T08:30:00Z'))
  cluster = createMemoryCluster({ admit, now: clock.now })
  log = openSqliteEventLog({ path: join(directory, 'events.db'), logger: silentLogger, now: clock.now, isPaced: false })
  stops = []
})

afterEach(async () => {
  await Promise.all(stops.map((stop) => stop()))
  await log.close()
  rmSync(directory, { recursive: true, force: true })
})

type UsedLog = Parameters<typeof createTickLog>[0]['log']

async function startReplica(through: UsedLog = log): Promise<() => Promise<void>> {
  const triggers = cluster.cache(TRIGGERS)
  const ticks = createTickLog({ log: through, clock })
  const controller = createCronController({ cluster, triggers, ticks, clock, logger: silentLogger })
  await controller.start()
  const stop = async () => {
    await controller.stop()
    triggers.stop()
  }
  stops.push(stop)
  return stop
}

/** The log as a process sees it that ends in the middle of its first send: nothing it does afterwards counts. */
function dyingAt(moment: 'before' | 'after'): UsedLog {
  const send: EventLog['send'] = async (records) => {
    if (moment === 'after') await log.send(records)
    throw new Error('this process is no more')
  }
  const dying = Object.create(log) as SqliteEventLog
  for (const method of ['ensureTopics', 'deleteTopics', 'describe', 'endOffsets', 'consumer'] as const)
    Object.assign(dying, { [method]: (log[method] as (...all: unknown[]) => unknown).bind(log) })
  return Object.assign(dying, { send })
}

const cron = (schedule: string, more: object = {}): Trigger['spec'] => ({
  function: 'report',
  cron: { schedule, ...more } as Trigger['spec']['cron'],
})
const create = (spec: Trigger['spec']) =>
  cluster.create(TRIGGERS, { apiVersion: 'dormouse.dev/v1alpha1', kind: 'Trigger', metadata: REF, spec })

async function ticks(): Promise<LogRecord[]> {
  const records: LogRecord[] = []
  await readToEnd({
    log,
    topics: [TOPIC],
    group: `test-${Math.random()}`,
    onRecords: (some) => void records.push(...some),
  })
  return records
}
const dueTimes = async () => (await ticks()).map(({ headers }) => textOf(headers, 'ce_time')?.slice(11, 16))
const lastSchedule = async () => (await cluster.get(TRIGGERS, REF))?.status?.lastScheduleTime
const ticked = (...want: string[]) =>
  eventually(`ticks at ${want.join(', ')}`, async () => (await dueTimes()).join() === want.join())

/** In steps, each when the one before it has ended: writes take turns of the event loop, and no other time. */
async function pass(durationMs: number, stepMs = MINUTE): Promise<void> {
  for (let left = durationMs; left > 0; left -= stepMs) {
    clock.advance(Math.min(stepMs, left))
    for (let turns = 0; turns < 100; turns++) await turn()
    await cluster.settled()
  }
}

test('two controllers over one log make one record for each due time, with the id of that time', async () => {
  await startReplica()
  await startReplica()
  const { metadata } = await create(cron('*/10 * * * *', { payload: '{"n":1}' }))
  await pass(HOUR)
  await ticked('08:40', '08:50', '09:00', '09:10', '09:20', '09:30')
  await pass(5 * MINUTE)
  const records = await ticks()
  expect(records).toHaveLength(6)
  const [first] = records
  const id = tickId({ uid: metadata.uid, dueMs: Date.parse('2026-01-01T08:40:00Z') })
  expect(textOf(first?.headers ?? [], EVENT_HEADER.deliveryId)).toBe(id)
  expect(String(first?.value)).toBe('{"n":1}')
  expect(await log.describe([TOPIC])).toMatchObject([{ partitions: 1 }])
})

describe('a process that ends between claim and record', () => {
  test.each([
    { moment: 'before' as const, rule: 'the next one makes up for the record' },
    { moment: 'after' as const, rule: 'the next one finds the record and makes no second' },
  ])('$moment it was stored: $rule', async ({ moment }) => {
    const kill = await startReplica(dyingAt(moment))
    await create(cron('0 * * * *'))
    await pass(30 * MINUTE)
    await eventually('the claim', async () => (await lastSchedule()) === '2026-01-01T09:00:00Z')
    await kill()
    await startReplica()
    await pass(MINUTE, SECOND)
    await ticked('09:00')
    await pass(HOUR)
    await ticked('09:00', '10:00')
  })

  test('a record that is gone by retention is not made again', async () => {
    const kill = await startReplica()
    await create(cron('0 9 1 1 *', { startingDeadline: '10000h' }))
    await pass(HOUR)
    await ticked('09:00')
    await kill()
    clock.advance(8 * 24 * HOUR)
    await log.retention.run()
    expect(await log.endOffsets(TOPIC)).toMatchObject([{ begin: 1, end: 1 }])
    await startReplica()
    await pass(MINUTE, SECOND)
    expect(await log.endOffsets(TOPIC)).toMatchObject([{ begin: 1, end: 1 }])
  })
})

test('a Trigger of the same name does not inherit the ticks that were left behind', async () => {
  const kill = await startReplica()
  await create(cron('0 * * * *'))
  await pass(HOUR)
  await ticked('09:00')
  await kill()
  await cluster.delete(TRIGGERS, REF)
  clock.advance(5 * MINUTE)
  await create(cron('0 * * * *'))
  await startReplica()
  await eventually('an empty topic', async () => (await log.endOffsets(TOPIC))[0]?.end === 0)
  await pass(HOUR)
  await ticked('10:00')
})

test('a deleted Trigger takes its topic along', async () => {
  await startReplica()
  await create(cron('0 * * * *'))
  await pass(HOUR)
  await ticked('09:00')
  await cluster.delete(TRIGGERS, REF)
  await eventually('no topic', async () => (await log.describe([TOPIC])).length === 0)
})
