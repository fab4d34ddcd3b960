/** The dispatcher whole: feed, log, calls over sockets, ledger, management, metrics. */
import { afterEach, describe, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type {
  DeadLetterInfo,
  EventRecord,
  RedriveResult,
  SubscriptionInfo,
  TopicInfo,
} from '../../../api/events-api.ts'
import type { FeedAsync, FeedDestination } from '../../../api/protocol.ts'
import { EventLogError } from '../../../events/event-log.ts'
import { asyncTopic } from '../../../events/topic-names.ts'
import { describeOnBothLogs } from '../../builders/both-logs.ts'
import { DispatcherBed, type DispatcherBedOptions } from '../../builders/dispatcher-bed.ts'
import { withFailingSends } from '../../builders/event-bed.ts'
import { eventually, until } from '../../builders/eventually.ts'
import { feedFunction, feedSubscription } from '../../builders/feed.ts'
import type { PodScript } from '../../fakes/fake-pod.ts'

let bed: DispatcherBed
afterEach(() => bed.stop())

type Start = (options?: DispatcherBedOptions) => Promise<DispatcherBed>
const onBothLogs = (title: string, suite: (start: Start) => void) =>
  describeOnBothLogs(title, (open) => suite(async (given) => (bed = await DispatcherBed.start({ open, ...given }))))
const state = async (): Promise<SubscriptionInfo> =>
  (await bed.ask('get', '/api/v1/triggers/default/on-orders/state')) as SubscriptionInfo
const letters = async (query = '', owner = 'trigger/default/on-orders'): Promise<DeadLetterInfo[]> =>
  ((await bed.ask('get', `/api/v1/dlq/${owner}${query}`)) as { items: DeadLetterInfo[] }).items
const bodies = () => bed.pods.flatMap(({ seen }) => seen.map(({ body }) => body.toString()))

/** Fails with an error object while `fails` says so. */
const failing =
  (fails: (body: string) => boolean): PodScript =>
  (_, response, body) => {
    if (!fails(body.toString())) return void response.writeHead(200, { 'content-type': 'application/json' }).end('"ok"')
    response.writeHead(500, { 'dormouse-error': 'handled' })
    response.end('{"errorType":"RangeError","errorMessage":"no such currency"}')
  }

await onBothLogs('a Trigger', (start) => {
  test('of the feed has its records delivered, also those of topics that are made later', async () => {
    await start()
    await bed.pod()
    await bed.follow(feedSubscription({ topics: ['orders', 'later'] }))
    await bed.send({ value: '1' }, { topic: 'later', value: '2' })
    await until(() => bodies().length === 2)
    expect(bodies().sort()).toEqual(['1', '2'])
  })

  test('begins with the next record of a topic when it says so', async () => {
    await start()
    await bed.pod()
    await bed.send({ value: '"old"' })
    await bed.follow(feedSubscription({ startFrom: 'latest' }))
    await until(async () => (await state()).sources.length > 0)
    await bed.send({ value: '"new"' })
    await until(() => bodies().length > 0)
    expect(bodies()).toEqual(['"new"'])
  })

  test('begins at a time when it says so, and goes on from there when the time is changed', async () => {
    await start()
    await bed.pod()
    const since = Date.now() - 60_000
    await bed.send(
      { value: '"old"', key: 'a', timestampMs: since - 1 },
      { value: '"due"', key: 'a', timestampMs: since },
    )
    await bed.follow(feedSubscription({ startFrom: { timestampMs: since } }))
    await until(() => bodies().length > 0)
    await bed.follow(feedSubscription({ startFrom: { timestampMs: since - 1 } }))
    await bed.send({ value: '"next"', key: 'a', timestampMs: since - 9 })
    await until(() => bodies().length > 1)
    expect(bodies()).toEqual(['"due"', '"next"'])
  })

  test('goes on where it was when it changes, and after the feed was lost and came again', async () => {
    await start()
    await bed.pod()
    await bed.follow(feedSubscription())
    await bed.send({ value: '1' })
    await until(() => bodies().length === 1)
    bed.controller.cutFeeds()
    await until(() => bed.controller.feeds === 1)
    await bed.follow(feedSubscription({ filters: [{ 'data.n': { exact: '2' } }] }))
    await bed.send({ value: '{"n":1}' }, { value: '{"n":2}' })
    await until(() => bodies().length === 2)
    expect(bodies()).toEqual(['1', '{"n":2}'])
  })

  test('is not ended by a feed that is lost', async () => {
    await start()
    await bed.pod()
    await bed.follow(feedSubscription())
    await bed.send({ value: '1' })
    await until(() => bodies().length === 1)
    await bed.controller.stop()
    await bed.send({ value: '2' })
    await until(() => bodies().length === 2)
    await bed.controller.listen()
  })

  test('that is deleted leaves what waited for a retry as dead letters, which are listed and purged still', async () => {
    await start()
    await bed.pod({ script: failing(() => true) })
    const slow = { maxAttempts: 3, backoff: { initialMs: 60_000, factor: 1, maxMs: 60_000 }, maxAgeMs: 3_600_000 }
    await bed.follow(feedSubscription({ retry: slow }))
    await bed.send({ value: '"bad"' })
    await until(async () => (await state()).waitingForRetry === 1)
    await bed.follow()
    const dead = await eventually('a dead letter', async () => (await letters().catch(() => []))[0])
    expect(dead).toMatchObject({ value: { text: '"bad"' }, class: 'handled', message: 'RangeError: no such currency' })
    await until(async () => (await bed.log.describe()).every(({ topic }) => !topic.includes('.retry.')))
    await expect(bed.ask('post', '/api/v1/dlq/trigger/default/on-orders/redrive')).rejects.toMatchObject({
      status: 404,
    })
    expect(await bed.ask('post', '/api/v1/dlq/trigger/default/on-orders/purge')).toMatchObject({ moved: 1 })
    expect(await letters()).toEqual([])
  })

  test('that is deleted while the log cannot take its dead letters is retired once it can', async () => {
    let isBroken = false
    await start({
      through: (log) =>
        withFailingSends(log, ({ topic }) =>
          isBroken && topic.endsWith('.dlt') ? new EventLogError('unavailable', 'not now') : undefined,
        ),
    })
    await bed.pod({ script: failing(() => true) })
    const slow = { maxAttempts: 3, backoff: { initialMs: 60_000, factor: 1, maxMs: 60_000 }, maxAgeMs: 3_600_000 }
    await bed.follow(feedSubscription({ retry: slow }))
    await bed.send({ value: '"bad"' })
    await until(async () => (await state()).waitingForRetry === 1)
    isBroken = true
    await bed.follow()
    await until(async () => (await state().catch(() => undefined)) === undefined)
    expect((await bed.log.describe()).some(({ topic }) => topic.includes('.retry.'))).toBe(true)
    isBroken = false
    await until(async () => (await letters().catch(() => [])).length === 1)
  })

  test('deleted and made anew in the middle loses nothing, and begins as a new one', async () => {
    await start()
    let isDown = true
    await bed.pod({ script: failing(() => isDown) })
    const slow = { maxAttempts: 3, backoff: { initialMs: 60_000, factor: 1, maxMs: 60_000 }, maxAgeMs: 3_600_000 }
    await bed.follow(feedSubscription({ retry: slow }))
    await bed.send({ value: '1' }, { value: '2' })
    await until(async () => (await state()).waitingForRetry === 2)
    isDown = false
    await bed.follow(feedSubscription({ uid: 'uid-anew', retry: slow }))
    await until(() => bodies().length === 4)
    const values = (await letters()).map(({ value }) => JSON.stringify(value))
    expect(values.sort()).toEqual(['{"text":"1"}', '{"text":"2"}'])
    await until(async () => (await state()).waitingForRetry === 0)
    expect(await state()).toMatchObject({ done: 2, duplicatesSkipped: 2 })
  })

  test('that keeps no dead letters takes them with it', async () => {
    await start()
    await bed.pod({ script: failing(() => true) })
    const noRetry = { maxAttempts: 1, backoff: { initialMs: 50, factor: 1, maxMs: 50 }, maxAgeMs: 3_600_000 }
    await bed.follow(feedSubscription({ retry: noRetry, keepDeadLetters: false }))
    await bed.send({ value: '"bad"' })
    await until(async () => (await letters()).length === 1)
    await bed.follow()
    await until(async () => (await bed.log.describe()).every(({ topic }) => !topic.endsWith('.dlt')))
  })
})

await onBothLogs('dead letters', (start) => {
  const quick = { maxAttempts: 2, backoff: { initialMs: 30, factor: 1, maxMs: 30 }, maxAgeMs: 3_600_000 }

  test('are listed with why and where from, chosen by filters, replayed and then handled', async () => {
    await start()
    let isDown = true
    await bed.pod({ script: failing((body) => isDown && body.includes('bad')) })
    await bed.follow(feedSubscription({ retry: quick }))
    await bed.send({ value: '"good"' }, { value: '"bad 1"', key: 'a' }, { value: '"bad 2"', key: 'b' }, { value: 'no' })
    await until(async () => (await letters()).length === 3)
    expect((await letters('?class=decode')).map(({ value, attempts }) => [value, attempts])).toEqual([
      [{ text: 'no' }, 1],
    ])
    const [bad] = await letters('?key=a')
    expect(bad).toMatchObject({
      ...{ class: 'handled', status: 500, message: 'RangeError: no such currency', attempts: 2, redriveCount: 0 },
      origin: { topic: 'orders' },
    })
    expect(await letters(`?id=${bad!.id}`)).toEqual([bad])
    await expect(letters('?class=nonsense')).rejects.toMatchObject({ status: 400 })
    await expect(letters('?since=yesterday')).rejects.toMatchObject({ status: 400 })

    const redrive = (body: object) => bed.ask('post', '/api/v1/dlq/trigger/default/on-orders/redrive', body)
    expect(await redrive({ filter: { class: 'handled' }, dryRun: true })).toMatchObject({ matched: 2, moved: 0 })
    isDown = false
    const result = (await redrive({ filter: { class: 'handled' } })) as RedriveResult
    expect(result).toEqual({ matched: 2, moved: 2, refused: [] })
    await until(async () => (await state()).done === 3)
    expect((await letters()).map(({ class: of }) => of)).toEqual(['decode'])
    const deliveries = bed.pods[0]!.seen.filter(({ body }) => body.includes('bad 1'))
    expect(new Set(deliveries.map(({ headers }) => headers['dormouse-delivery-id'])).size).toBe(1)
  })
})

await onBothLogs('asynchronous invocations', (start) => {
  const policy = (part: Partial<FeedAsync> = {}): FeedAsync => ({
    ...{ maxAttempts: 2, maxAgeMs: 60_000, backoff: { initialMs: 30, factor: 1, maxMs: 30 } },
    ...part,
  })
  const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const invoke = (id: string, value = '{}', more = {}) =>
    bed.send({ topic: asyncTopic('default/hello'), value, headers: { 'dormouse-delivery-id': id, ...more } })
  const ended = (id: string) =>
    eventually(`the end of ${id}`, async () => {
      const found = await bed.ledger.get(id)
      return found?.finishedAtMs === undefined ? undefined : found
    })

  test('tell their result by id, and their dead letters by function', async () => {
    await start({ fn: { async: policy() } })
    await bed.pod({ script: failing((body) => body.includes('bad')) })
    await invoke('i-1')
    await invoke('i-2', '"bad"')
    expect(await ended('i-1')).toMatchObject({ status: 'succeeded', attempts: 1, result: { status: 200 } })
    expect(await ended('i-2')).toMatchObject({ status: 'failed', attempts: 2, failure: { class: 'handled' } })
    expect(await bed.ask('get', '/api/v1/invocations/i-1')).toMatchObject({ result: { body: { json: 'ok' } } })
    await expect(bed.ask('get', '/api/v1/invocations/none')).rejects.toMatchObject({ code: 'unknown-invocation' })
    await until(async () => (await letters('', 'function/default/hello')).length === 1)
    expect(await bed.ask('get', '/api/v1/functions/default/hello/async/state')).toMatchObject({ done: 1 })
  })

  test('of a function that cannot run wait, and say so; none of their attempts is spent', async () => {
    await start({ fn: { async: policy() }, waitLimitMs: 50 })
    await invoke('i-1')
    await until(async () => (await bed.ledger.get('i-1'))?.status === 'queued')
    expect(await bed.ledger.get('i-1')).toMatchObject({ attempts: 0 })
    const { holding, held } = (await bed.ask('get', '/api/v1/functions/default/hello/async/state')) as SubscriptionInfo
    expect(holding).toContain('no free slot')
    expect(held).toBeGreaterThan(0)
    await bed.pod()
    expect(await ended('i-1')).toMatchObject({ status: 'succeeded', attempts: 1 })
  })

  const destinationRun = async (destination: FeedDestination, part: Partial<FeedAsync> = {}) => {
    await start({ fn: { async: policy({ onSuccess: destination, onFailure: destination, ...part }) } })
    await bed.pod({ script: failing((body) => body === '"bad"') })
  }

  test('tell a topic how they ended, as Lambda does', async () => {
    await destinationRun({ topic: 'ends' })
    await invoke('i-1', '{"n":1}')
    await ended('i-1')
    await invoke('i-2', '"bad"')
    await ended('i-2')
    await until(async () => (await bed.read('ends').catch(() => [])).length === 2)
    const records = (await bed.read('ends')).map(({ value }) => JSON.parse(value!.toString()) as Record<string, object>)
    const arn = 'arn:aws:lambda:local:default:function:hello'
    expect(records).toContainEqual({
      ...{ version: '1.0', timestamp: expect.any(String), requestPayload: { n: 1 }, responsePayload: 'ok' },
      requestContext: { requestId: 'i-1', functionArn: arn, condition: 'Success', approximateInvokeCount: 1 },
      responseContext: { statusCode: 200, executedVersion: '$LATEST' },
    })
    expect(records).toContainEqual({
      ...{ version: '1.0', timestamp: expect.any(String), requestPayload: 'bad' },
      requestContext: { requestId: 'i-2', functionArn: arn, condition: 'RetriesExhausted', approximateInvokeCount: 2 },
      responseContext: { statusCode: 500, executedVersion: '$LATEST', functionError: 'Handled' },
      responsePayload: { errorType: 'RangeError', errorMessage: 'no such currency' },
    })
  })

  test('tell another function, as its invocation', async () => {
    await start({ fn: { async: policy({ onSuccess: { function: 'default/next' } }) } })
    bed.controller.setFunctions(
      feedFunction({ key: 'default/next', uid: 'uid-next', signature: 'event', async: policy() }),
    )
    await bed.pod()
    const next = await bed.pod({ function: 'default/next' })
    await invoke('i-1', '{}', { traceparent: TRACE, tracestate: 'a=b' })
    await until(() => next.seen.length === 1)
    const { body, headers } = next.seen[0]!
    expect(headers).toMatchObject({ traceparent: TRACE, tracestate: 'a=b' })
    expect(JSON.parse(body.toString())).toMatchObject({ requestContext: { requestId: 'i-1', condition: 'Success' } })
    expect(await ended(headers['dormouse-delivery-id'] as string)).toMatchObject({
      ...{ status: 'succeeded', functionKey: 'default/next' },
    })
  })

  test('that lead back to their own function are stopped, with a clear error in state and dead letter', async () => {
    await destinationRun({ function: 'default/hello' })
    await invoke('i-1')
    const [dead] = await eventually('the dead letter of the loop', async () => {
      const found = await letters('', 'function/default/hello')
      return found.length > 0 ? found : undefined
    })
    expect(dead?.message).toContain('do destinations or replies lead back')
    expect(await ended(dead!.deliveryId)).toMatchObject({ status: 'failed', failure: { message: dead!.message } })
    expect(bodies()).toHaveLength(17)
  })

  describe('with a URL to tell', () => {
    const hook = async (answers: number[]) => {
      const got: string[] = []
      const server = createServer((request, response) => {
        const trace = String(request.headers['traceparent'])
        request.on('data', (chunk: Buffer) => got.push(`${trace} ${chunk.toString()}`))
        request.on('end', () => response.writeHead(answers.length > 1 ? answers.shift()! : answers[0]!).end())
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      return { got, server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` }
    }

    test('post it there, again when it fails', async () => {
      const { got, server, url } = await hook([500, 200])
      await destinationRun({ url })
      await invoke('i-1', '{}', { traceparent: TRACE })
      await until(() => got.length === 2)
      expect(got[1]).toContain('"requestId":"i-1"')
      expect(got[1]).toContain(`${TRACE} {`)
      expect((await ended('i-1')).destinationFailure).toBeUndefined()
      server.close()
    })

    test('keep their own outcome when nobody is there, and say why, without what may be a secret', async () => {
      const { server, url } = await hook([404])
      await destinationRun({ url: `${url.replace('//', '//me:pass@')}/hook?key=secret` })
      await invoke('i-1')
      const found = await eventually('the failure noted', async () => {
        const state = await bed.ledger.get('i-1')
        return state?.destinationFailure === undefined ? undefined : state
      })
      expect(found).toMatchObject({
        status: 'succeeded',
        destinationFailure: `${url}/hook?… answered 404`,
      })
      server.close()
    })
  })

  test('whose destination cannot be stored are not acknowledged before it is', async () => {
    let isBroken = true
    await start({
      fn: { async: policy({ onSuccess: { topic: 'ends' } }) },
      through: (log) =>
        withFailingSends(log, ({ topic }) =>
          isBroken && topic === 'ends' ? new EventLogError('unavailable', 'not now') : undefined,
        ),
    })
    await bed.pod()
    await invoke('i-1')
    expect(await ended('i-1')).toMatchObject({ status: 'succeeded' })
    const { lag } = (await bed.ask('get', '/api/v1/functions/default/hello/async/state')) as SubscriptionInfo
    expect(lag).toBe(1)
    isBroken = false
    await until(async () => (await bed.read('ends').catch(() => [])).length === 1)
    await until(
      async () => ((await bed.ask('get', '/api/v1/functions/default/hello/async/state')) as SubscriptionInfo).lag === 0,
    )
  })
})

await onBothLogs('backlog', (start) => {
  test('is load: it is reported, wakes what sleeps, and is gone when it is worked off', async () => {
    await start({ fn: { concurrency: 1, maxPods: 4 }, waitLimitMs: 10_000 })
    await bed.follow(feedSubscription())
    await bed.send(...Array.from({ length: 50 }, (_, n) => ({ value: String(n) })))
    const load = await eventually('the backlog in a report', () =>
      bed.controller.reports.at(-1)?.functions.find(({ queued }) => queued >= 4),
    )
    expect(load).toMatchObject({ key: 'default/hello', idleMs: 0 })
    await until(() => bed.controller.activations.length > 0)
    await bed.pod({ concurrency: 1 })
    await until(() => bodies().length === 50)
    await until(() => bed.controller.reports.at(-1)?.functions.every(({ queued }) => queued === 0) === true)
  })

  test('is that of the function its Trigger names, also after the Trigger was given another', async () => {
    await start({ waitLimitMs: 10_000, limits: { revokeGraceMs: 20 } })
    bed.controller.setFunctions(feedFunction(), feedFunction({ key: 'default/other', uid: 'other' }))
    // Calls that were begun may wait for a pod of either.
    const loaded = () => bed.controller.reports.at(-1)?.functions.filter(({ queued }) => queued > 100)
    const waiting = (key: string) => () => loaded()?.length === 1 && loaded()?.[0]?.key === key
    await bed.follow(feedSubscription())
    await bed.send(...Array.from({ length: 300 }, (_, n) => ({ value: String(n) })))
    await until(waiting('default/hello'))
    await bed.follow(feedSubscription({ function: 'default/other' }))
    await until(waiting('default/other'))
  })

  test('is none while all that there is waits for its retry in place: the function may sleep', async () => {
    await start()
    await bed.pod({ script: failing(() => true) })
    const slow = { maxAttempts: 3, backoff: { initialMs: 60_000, factor: 1, maxMs: 60_000 }, maxAgeMs: 3_600_000 }
    await bed.follow(feedSubscription({ ordering: 'partition', retry: slow }))
    await bed.send(...Array.from({ length: 50 }, (_, n) => ({ value: String(n), partition: 0 })))
    await until(async () => (await state()).sources.some(({ waitingInPlace }) => waitingInPlace === 1))
    const load = await eventually('a report of a function that rests', () =>
      bed.controller.reports.at(-1)?.functions.find(({ idleMs = 0 }) => idleMs > 0),
    )
    expect(load).toMatchObject({ key: 'default/hello', inFlight: 0, queued: 0 })
    expect((await state()).lag).toBe(50)
  })

  test('never calls a pod more than it can take', async () => {
    await start({ fn: { concurrency: 3 } })
    const pod = await bed.pod({ script: (_, response) => void setTimeout(() => response.end('1'), 5) })
    await bed.follow(feedSubscription())
    await bed.send(...Array.from({ length: 60 }, (_, n) => ({ value: String(n) })))
    await until(() => pod.executed === 60)
    expect(pod.mostRunning).toBe(3)
  })
})

await onBothLogs('the management listener', (start) => {
  const records = async (query = '') => (await bed.ask('get', `/api/v1/topics/orders/records${query}`)) as EventRecord[]

  test('tells topics and their records, oldest first over all partitions, as text or base64', async () => {
    await start()
    await bed.log.ensureTopics([{ topic: 'orders', partitions: 3 }])
    const since = Date.now() - 60_000
    await bed.send(
      ...[...Array(30).keys()].map((n) => ({ value: `v${n}`, partition: n % 3, timestampMs: since + n, key: `k${n}` })),
    )
    await bed.send({ value: Buffer.from([0, 255]), headers: { a: 'b' }, timestampMs: since + 50 })
    const topics = ((await bed.ask('get', '/api/v1/topics')) as { items: TopicInfo[] }).items
    expect(topics).toContainEqual(expect.objectContaining({ topic: 'orders', partitions: 3, records: 31 }))
    const found = await records()
    expect(found.slice(0, 30).map(({ value }) => value)).toEqual([...Array(30).keys()].map((n) => ({ text: `v${n}` })))
    expect(found[30]).toMatchObject({ value: { base64: 'AP8=' }, key: null, headers: [{ name: 'a', value: 'b' }] })
    expect(await records('?max=2')).toHaveLength(2)
    expect(await records('?max=0')).toEqual([])
    await expect(records('?max=-1')).rejects.toMatchObject({ status: 400 })
    await expect(bed.ask('get', '/api/v1/topics/none/records')).rejects.toMatchObject({ code: 'unknown-topic' })
  })

  test('follows a topic until its reader goes away', async () => {
    await start()
    const gone = new AbortController()
    const answer = await bed.answer('get', '/api/v1/topics/orders/records?follow=true', { signal: gone.signal })
    if (!('stream' in answer)) throw new Error('expected a stream')
    const lines: string[] = []
    const reading = (async () => {
      for await (const line of answer.stream) lines.push(line)
    })()
    await bed.send({ value: '1' })
    await until(() => lines.length === 1)
    await bed.send({ value: '2' })
    await until(() => lines.length === 2)
    gone.abort()
    await reading
  })

  test('counts in metrics what happened, for as long as the Trigger is there', async () => {
    await start()
    await bed.pod({ script: failing((body) => body === '"bad"') })
    const quick = { maxAttempts: 2, backoff: { initialMs: 30, factor: 1, maxMs: 30 }, maxAgeMs: 3_600_000 }
    await bed.follow(feedSubscription({ retry: quick }))
    await bed.send({ value: '1' }, { value: '"bad"' })
    await until(async () => (await letters()).length === 1)
    await until(async () => (await bed.metric('dead_letters_total')).length === 1 && (await state()).done === 1)
    const labels = 'kind="trigger",name="default/on-orders",function="default/hello"'
    expect(await bed.metric('attempts_total')).toEqual([
      `dormouse_dispatcher_attempts_total{${labels},outcome="done"} 1`,
      `dormouse_dispatcher_attempts_total{${labels},outcome="handled"} 2`,
    ])
    expect(await bed.metric('retries_total')).toEqual([`dormouse_dispatcher_retries_total{${labels},delay="30"} 1`])
    expect(await bed.metric('dead_letters_total')).toEqual([
      `dormouse_dispatcher_dead_letters_total{${labels},class="handled"} 1`,
    ])
    expect(await bed.metric('in_flight')).toEqual([`dormouse_dispatcher_in_flight{${labels}} 0`])
    await until(async () => (await bed.metric('last_commit_seconds')).length === 1)
    const commits = async () => (await bed.metric('commits_total')).map((line) => line.replace(/.*outcome=/, ''))
    expect(await commits()).toEqual([expect.stringMatching(/^"done"} [1-9]/), '"failed"} 0'])
    expect(await bed.metric('commit_seconds_total')).toEqual([expect.stringMatching(/} \d+\.\d+$/)])
    await bed.follow()
    await until(async () => (await bed.metric('attempts_total')).length === 0)
    expect((await bed.metric('')).filter((line) => line.includes('on-orders'))).toEqual([])
  })

  test('tells what is due and what is stuck, and has no series for anything but kinds, names and known words', async () => {
    await start()
    await bed.pod({ script: failing(() => true) })
    const slow = { maxAttempts: 1, backoff: { initialMs: 60_000, factor: 1, maxMs: 60_000 }, maxAgeMs: 3_600_000 }
    await bed.follow(feedSubscription({ ordering: 'key', onExhausted: 'block', retry: slow }))
    await bed.send(...Array.from({ length: 10 }, (_, n) => ({ value: String(n), key: `k${n % 2}` })))
    await until(async () => (await state()).sources.reduce((sum, { blocked }) => sum + blocked, 0) === 2)
    const gauge = async (name: string) => Number((await bed.metric(name))[0]?.split(' ').at(-1))
    expect(await gauge('due_records')).toBe(8)
    expect(await gauge('startable_calls')).toBe(0)
    expect(await gauge('waiting_records')).toBe(2)
    expect(await gauge('blocked_records')).toBe(2)
    expect(await gauge('oldest_due_seconds')).toBeGreaterThan(0)
    expect(await state()).toMatchObject({ due: 8, oldestDueAgeMs: expect.any(Number), commits: { failed: 0 } })
    const labels = (await bed.metric('')).flatMap((line) => [...line.matchAll(/(\w+)="/g)].map(([, label]) => label))
    expect([...new Set(labels)].sort()).toEqual(['function', 'kind', 'le', 'name', 'outcome'])
  })
})
