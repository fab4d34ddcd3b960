/** The whole event path as users have it: local mode, real functions, the real log. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { rmSync } from 'node:fs'
import type { Trigger } from '../../../api/trigger.ts'
import { wallClock } from '../../../lib/clock.ts'
import { eventsOf, eventTrigger } from '../../builders/event-platform.ts'
import { eventually } from '../../builders/eventually.ts'
import {
  functionManifest,
  startPlatform,
  type PlatformOptions,
  type TestPlatform,
} from '../../builders/local-platform.ts'
import { createWitness, type Witness } from '../faults/witness.ts'

// Each test starts several processes.
jest.setTimeout(120_000)

let platform: TestPlatform
let witness: Witness
beforeEach(() => {
  witness = createWitness()
})
afterEach(async () => {
  await platform.stop()
  witness.remove()
})

/** Notes every event it is given; `work` may fail. */
const notes = (name: string, work = '', spec: object = {}) =>
  functionManifest(
    name,
    `${witness.code}export const handler = async (event) => { begun(JSON.stringify(event)); ${work} }`,
    spec,
  )
const QUICK = { maxAttempts: 3, backoff: { initial: '50ms' } }

async function start(options: PlatformOptions): Promise<ReturnType<typeof eventsOf>> {
  platform = await startPlatform(options)
  return eventsOf(platform)
}

const seen = () => witness.begun().map((line) => JSON.parse(line) as unknown)

test('a published record calls the function of its trigger, which was asleep', async () => {
  const events = await start({
    manifests: [notes('eat'), eventTrigger('meals', 'eat', { kafka: { topics: ['food'] } })],
    verifyFirstRevision: false,
  })
  await events.publish('food', { dish: 'soup' }, { key: 'ada' })
  await eventually('called', () => seen().length === 1)
  expect(seen()).toEqual([{ dish: 'soup' }])
  await events.idle('meals')
  expect(await events.trigger('meals')).toMatchObject({ done: 1, lag: 0, failed: {}, deadLetters: {} })
})

test('a record that fails is retried, then a dead letter, and redriven once a new revision can take it', async () => {
  const events = await start({
    manifests: [
      notes('pay', 'if (event.currency === "DOGE") throw new RangeError("no such currency")'),
      eventTrigger('payments', 'pay', { kafka: { topics: ['orders'] }, retry: QUICK }),
    ],
  })
  await events.publish('orders', { n: 1, currency: 'EUR' })
  await events.publish('orders', { n: 2, currency: 'DOGE' }, { key: 'k' })
  await eventually('a dead letter', async () => (await events.deadLetters('trigger/payments')).length === 1)
  await events.idle('payments')
  expect(seen().filter((event) => (event as { n: number }).n === 2)).toHaveLength(3)
  const [letter] = await events.deadLetters('trigger/payments')
  expect(letter).toMatchObject({
    ...{ class: 'handled', status: 500, message: 'RangeError: no such currency', attempts: 3, redriveCount: 0 },
    ...{ key: { text: 'k' }, value: { text: '{"n":2,"currency":"DOGE"}' }, origin: { topic: 'orders' } },
  })
  await platform.apply(notes('pay'))
  expect(await events.redrive('trigger/payments', { dryRun: true })).toMatchObject({ matched: 1, moved: 0 })
  expect(await events.redrive('trigger/payments')).toEqual({ matched: 1, moved: 1, refused: [] })
  await eventually('called again', () => seen().length === 5)
  await events.idle('payments')
  expect(await events.deadLetters('trigger/payments')).toEqual([])
})

test('an asynchronous invocation tells its result by its id', async () => {
  const events = await start({
    manifests: [functionManifest('double', 'export const handler = async ({ n }) => ({ twice: 2 * n })')],
  })
  const id = await events.invokeLater('double', { n: 21 })
  expect(await events.ended(id)).toMatchObject({
    ...{ id, function: 'default/double', status: 'succeeded', attempts: 1 },
    result: { status: 200, body: { json: { twice: 42 } }, truncated: false },
  })
  expect(await (await fetch(`${platform.internalUrl}/invocations/${id}`)).json()).toEqual(await events.invocation(id))
})

test('an asynchronous invocation that fails for good is a dead letter, and its state says why', async () => {
  const events = await start({
    manifests: [
      functionManifest('fails', 'export const handler = async () => { throw new Error("no") }', {
        async: { maxAttempts: 2, backoff: { initial: '4s' } },
      }),
    ],
  })
  const id = await events.invokeLater('fails')
  const waiting = await eventually('waits for its retry', async () => {
    const info = await events.invocation(id)
    return info.status === 'retrying' && info
  })
  expect(waiting.nextAttemptAt).toBeDefined()
  expect(await events.ended(id)).toMatchObject({
    ...{ status: 'failed', attempts: 2 },
    failure: { class: 'handled', message: 'Error: no' },
  })
  expect(await events.deadLetters('function/fails')).toMatchObject([{ deliveryId: id }])
})

test('a destination gets the record of how an invocation ended', async () => {
  const events = await start({
    manifests: [
      functionManifest('works', 'export const handler = async () => "fine"', {
        async: { onSuccess: { function: 'audit' } },
      }),
      notes('audit'),
    ],
  })
  const id = await events.invokeLater('works', { n: 1 })
  await eventually('told', () => seen().length === 1)
  expect(seen()).toMatchObject([
    { requestContext: { requestId: id, condition: 'Success' }, requestPayload: { n: 1 }, responsePayload: 'fine' },
  ])
})

test('a function publishes over the address that the platform gives it', async () => {
  const publishes = `export const handler = async (event) => {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(process.env.DORMOUSE_URL + '/topics/greetings', { method: 'POST', headers, body: JSON.stringify(event) })
    return answer.status
  }`
  await start({
    manifests: [
      functionManifest('greet', publishes),
      notes('hear'),
      eventTrigger('heard', 'hear', { kafka: { topics: ['greetings'] } }),
    ],
  })
  expect(await (await platform.invoke('greet', { hello: 'Ada' })).json()).toBe(200)
  await eventually('heard', () => seen().length === 1)
  expect(seen()).toEqual([{ hello: 'Ada' }])
})

test('a cron trigger calls its function when it is due', async () => {
  let offsetMs = 0
  const clock = { now: () => Date.now() + offsetMs, after: wallClock.after }
  const cron = { schedule: '* * * * *', payload: '{"report":"daily"}' }
  const events = await start({ clock, manifests: [notes('report')] })
  // Once all is up, however long that took; the Trigger itself is there in no time.
  offsetMs = 54_000 - (Date.now() % 60_000)
  await platform.apply(eventTrigger('nightly', 'report', { cron }))
  await eventually('called', () => seen().length === 1)
  await events.idle('nightly')
  const { status } = await platform.get<Trigger>('triggers', 'nightly')
  expect([seen(), Date.parse(status?.lastScheduleTime ?? '') % 60_000]).toEqual([[{ report: 'daily' }], 0])
})

describe('a platform that is stopped and started again', () => {
  const restart = async (graceMs = 1_000) => {
    const { stateDir } = await platform.client.instance()
    await platform.local.stop(graceMs)
    platform = await startPlatform({ stateDir })
    return eventsOf(platform)
  }
  const meals = eventTrigger('meals', 'eat', { kafka: { topics: ['food'] } })
  afterEach(async () => {
    const { stateDir } = await platform.client.instance()
    await platform.stop()
    rmSync(stateDir, { recursive: true })
  })

  test('goes on where it was: nothing is handled again', async () => {
    const events = await start({ manifests: [notes('eat'), meals] })
    await events.publish('food', { n: 1 })
    await eventually('called', () => seen().length === 1)
    await events.idle('meals')
    await (await restart()).publish('food', { n: 2 })
    await eventually('called', () => seen().length === 2)
    expect(seen()).toEqual([{ n: 1 }, { n: 2 }])
  })

  test('does not wait for a call beyond its grace, and delivers the record again', async () => {
    const events = await start({ manifests: [notes('eat', 'await new Promise((r) => setTimeout(r, 40_000))'), meals] })
    await events.publish('food', { n: 1 })
    await eventually('called', () => seen().length === 1)
    const startedAt = performance.now()
    const again = await restart()
    expect(performance.now() - startedAt).toBeLessThan(15_000)
    await eventually('called again', () => seen().length === 2)
    expect((await again.trigger('meals')).lag).toBe(1)
  })

  test('lets a call end within its grace, and does not deliver the record again', async () => {
    const events = await start({ manifests: [notes('eat', 'await new Promise((r) => setTimeout(r, 400))'), meals] })
    await events.publish('food', { n: 1 })
    await eventually('called', () => seen().length === 1)
    await (await restart(10_000)).publish('food', { n: 2 })
    await eventually('called', () => seen().length === 2)
    expect(seen()).toEqual([{ n: 1 }, { n: 2 }])
  })

  test('keeps a retry waiting for its time', async () => {
    const waits = eventTrigger('meals', 'eat', { kafka: { topics: ['food'] }, retry: { backoff: { initial: '5s' } } })
    const events = await start({ manifests: [notes('eat', 'throw new Error("not yet")'), waits] })
    await events.publish('food', { n: 1 })
    const failedAtMs = await eventually('failed', async () => (await events.trigger('meals')).recentErrors[0]?.atMs)
    await eventually('waits', async () => (await events.trigger('meals')).waitingForRetry === 1)
    const again = await restart()
    const [error] = await eventually('tried again', async () => {
      const { recentErrors } = await again.trigger('meals')
      return recentErrors.length > 0 && recentErrors
    })
    expect([error!.attempt, error!.atMs - failedAtMs >= 5_000]).toEqual([2, true])
  })
})
