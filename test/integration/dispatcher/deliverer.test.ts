/** Records to functions over real sockets: requests, answers, and what pods do instead of answering. */
import { afterEach, describe, expect, test } from '@jest/globals'
import type { ServerResponse } from 'node:http'
import type { FeedFunction } from '../../../api/protocol.ts'
import { FunctionDeliverer, type DelivererOptions } from '../../../dispatcher/deliver/function-deliverer.ts'
import type { Delivery, DeliveryOutcome } from '../../../events/delivery.ts'
import { EventLogError, type LogRecord } from '../../../events/event-log.ts'
import type { Subscription } from '../../../events/subscription.ts'
import { describeOnBothLogs } from '../../builders/both-logs.ts'
import { delivery } from '../../builders/delivery.ts'
import { DispatcherBed, type DispatcherBedOptions } from '../../builders/dispatcher-bed.ts'
import { subscription } from '../../builders/event-bed.ts'
import { until } from '../../builders/eventually.ts'
import type { FakePod } from '../../fakes/fake-pod.ts'

let bed: DispatcherBed
let held: string[]
let called: string[]
afterEach(() => bed.stop())

type Rest = [headers?: Record<string, string>, body?: string]
const answer = (response: ServerResponse, status: number, ...[headers = {}, body = '']: Rest) =>
  response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers }).end(body)
const JSON_TYPE = { 'content-type': 'application/json' }

async function deliverer(
  fn: Partial<FeedFunction> = {},
  options: Partial<DelivererOptions> = {},
  ofBed: DispatcherBedOptions = {},
) {
  bed = await DispatcherBed.start({ fn, waitLimitMs: 5_000, ...ofBed })
  held = []
  called = []
  return new FunctionDeliverer({
    ...{ router: bed.router, log: bed.log, filtersOf: () => [] },
    onCall: (_, { deliveryId }) => void called.push(deliveryId),
    onHeld: (_, { deliveryId }) => void held.push(deliveryId),
    ...options,
  })
}

const to = (part: Partial<Subscription> = {}) => subscription({ functionKey: 'default/hello', ...part })
const never = new AbortController().signal
const deliver = async (by: FunctionDeliverer, one: Delivery, of = to()): Promise<DeliveryOutcome> =>
  (await by.deliver(of, [one], never))[0]!

describe('one record', () => {
  test('is one POST with its delivery id, its attempt and its data; the answer is its outcome', async () => {
    const by = await deliverer()
    const pod = await bed.pod()
    const outcome = await deliver(by, delivery({ value: '{"n":1}' }, { attempt: 2, deliveryId: 'd-1' }))
    expect(outcome).toMatchObject({ kind: 'done', status: 200, contentType: 'application/json' })
    const [request] = pod.seen
    expect(request).toMatchObject({ method: 'POST', url: '/' })
    expect(request?.body.toString()).toBe('{"n":1}')
    expect(request?.headers).toMatchObject({
      ...{ 'dormouse-delivery-id': 'd-1', 'dormouse-request-id': 'd-1', 'dormouse-attempt': '2' },
      'content-type': 'application/json',
    })
  })

  test('that a function answers with 429 and Retry-After failed, and is to wait as long', async () => {
    const by = await deliverer({ signature: 'http' })
    await bed.pod({ script: (_request, response) => void answer(response, 429, { 'retry-after': '7' }) })
    expect(await deliver(by, delivery())).toMatchObject({ kind: 'failed', retryAfterMs: 7_000 })
  })

  test('has the headers of a plain record beside it, whatever its function takes but an event', async () => {
    const by = await deliverer({ signature: 'http' })
    const pod = await bed.pod()
    await deliver(by, delivery({ value: '{}', headers: { 'Tenant-Id': 'Zoë', 'dormouse-due': '1' } }))
    expect(pod.seen[0]?.headers).toMatchObject({ 'ce-kafkaheadertenantid': 'Zo%C3%AB' })
    expect(Object.keys(pod.seen[0]!.headers)).not.toContain('ce-kafkaheaderdormousedue')
  })

  const KEPT = { 'dormouse-request': '{"method":"PUT","path":"/a?b","headers":["x-a","1"]}' }
  test.each<[string, Subscription['kind'], FeedFunction['signature'], Record<string, string>, string]>([
    ['of an asynchronous invocation is asked for as its caller did', 'async', 'http', KEPT, 'PUT /a?b 1'],
    ['of an invocation that keeps no request is a POST', 'async', 'http', {}, 'POST / '],
    ['of an invocation is an event where that is what the function takes', 'async', 'event', KEPT, 'POST / '],
    ['of a topic is a POST, whatever its headers claim', 'trigger', 'http', KEPT, 'POST / '],
  ])('%s', async (...[, kind, signature, headers, want]) => {
    const by = await deliverer({ signature })
    const pod = await bed.pod()
    await deliver(by, delivery({ value: '{}', headers }), to({ kind }))
    expect(pod.seen.map((one) => `${one.method} ${one.url} ${String(one.headers['x-a'] ?? '')}`)).toEqual([want])
  })

  test('that was taken away while it waits for a slot, or before a pod took it, is not called any more', async () => {
    const by = await deliverer({ concurrency: 1 })
    const endings: ServerResponse[] = []
    const pod = await bed.pod({ script: (_request, response) => void endings.push(response) })
    const taken = new AbortController()
    const outcomes = ['runs', 'waits'].map((deliveryId) =>
      by.deliver(to(), [delivery({}, { deliveryId })], taken.signal),
    )
    await until(() => pod.running === 1)
    taken.abort()
    expect(await outcomes[1]).toMatchObject([{ kind: 'held', reason: 'the partition was taken away' }])
    answer(endings[0]!, 200)
    expect(await outcomes[0]).toMatchObject([{ kind: 'done' }])
    expect(await by.deliver(to(), [delivery()], taken.signal)).toMatchObject([{ kind: 'held' }])
    expect(pod.executed).toBe(1)
  })

  test('that was taken away while a pod refuses it is not tried on another', async () => {
    const by = await deliverer()
    const pod = await bed.pod()
    const taken = new AbortController()
    pod.beforeServing = async (request, response) => {
      request.resume()
      taken.abort()
      pod.beforeServing = undefined
      await bed.pod()
      response.writeHead(503, { 'dormouse-refused': 'busy' }).end('{}')
    }
    expect(await by.deliver(to(), [delivery()], taken.signal)).toMatchObject([{ kind: 'held' }])
    expect(bed.pods.map(({ executed }) => executed)).toEqual([0, 0])
  })

  test('for a function that sleeps wakes it', async () => {
    const by = await deliverer()
    bed.controller.onActivation = async () => {
      await bed.pod()
      return { outcome: 'at-capacity' }
    }
    expect(await deliver(by, delivery())).toMatchObject({ kind: 'done' })
    expect(bed.controller.activations).toHaveLength(1)
    expect(called).toHaveLength(1)
  })

  test('for a function there is not, is held and not called', async () => {
    const by = await deliverer()
    const outcome = await deliver(by, delivery(), to({ functionKey: 'default/none' }))
    expect(outcome).toMatchObject({ kind: 'held', reason: 'there is no function default/none' })
    expect(called).toEqual([])
  })

  test.each([
    ['cannot be woken in time', { outcome: 'at-capacity' as const }],
    ['has no runtime', { outcome: 'failed' as const, code: 'runtime-missing', message: 'no runtime' }],
    ['does not load', { outcome: 'failed' as const, code: 'code-load-failed', message: 'SyntaxError' }],
  ])('for a function that %s, is held', async (_, activation) => {
    const by = await deliverer({}, {}, { waitLimitMs: 150 })
    bed.controller.onActivation = () => activation
    expect(await deliver(by, delivery())).toMatchObject({ kind: 'held' })
    expect(held).toHaveLength(1)
  })

  test('that the pod provably did not take goes to it again, not to a retry', async () => {
    const by = await deliverer()
    const pod = await bed.pod()
    pod.faults.push({ refuse: 'busy' }, 'reset-before-ack')
    expect(await deliver(by, delivery())).toMatchObject({ kind: 'done' })
    expect(pod.executed).toBe(1)
  })

  test('whose pod dies on it is a failed attempt', async () => {
    const by = await deliverer()
    const pod = await bed.pod()
    pod.faults.push('reset-after-ack')
    expect(await deliver(by, delivery())).toMatchObject({ kind: 'failed', failure: { class: 'connect' } })
  })

  test('that runs beyond the timeout is a failed attempt', async () => {
    const by = await deliverer({ timeoutMs: 50 })
    await bed.pod({ script: () => undefined })
    expect(await deliver(by, delivery())).toMatchObject({ kind: 'failed', failure: { class: 'timeout' } })
  })

  test.each([
    ['what is not JSON', delivery({ value: 'no' }), 'decode'],
    ['a wrong CloudEvent', delivery({ headers: { ce_specversion: '1.0', ce_id: 'x' } }), 'decode'],
    ['an unknown encoding', delivery({ headers: { 'content-encoding': 'br' } }), 'decode'],
    ['more than it takes', delivery({ value: JSON.stringify('x'.repeat(6 << 20)) }), 'too-large'],
    ['what came through too many functions', delivery({ headers: { 'dormouse-hops': '17' } }), 'unhandled'],
  ])('of %s is rejected without a call', async (_, record, errorClass) => {
    const by = await deliverer()
    const pod = await bed.pod()
    expect(await deliver(by, record)).toMatchObject({ kind: 'rejected', failure: { class: errorClass } })
    expect([pod.seen.length, called.length]).toEqual([0, 0])
  })

  test('whose headers cannot be sent over HTTP is rejected', async () => {
    const by = await deliverer({ signature: 'http' })
    await bed.pod()
    const outcome = await deliver(by, delivery({ headers: { 'content-type': 'text/plain\r\nx: y' } }))
    expect(outcome).toMatchObject({ kind: 'rejected', failure: { class: 'decode' } })
  })

  test('that nobody can read, for whatever reason, is rejected: it does not hold up the others', async () => {
    const by = await deliverer()
    const unreadable = {
      get value(): never {
        throw new Error('of lead')
      },
    }
    const one = { ...delivery(), record: Object.assign(Object.create(unreadable), { headers: [] }) as LogRecord }
    expect(await deliver(by, one)).toEqual({ kind: 'rejected', failure: { class: 'decode', message: 'of lead' } })
  })

  test('that no filter takes is filtered without a call', async () => {
    const by = await deliverer({}, { filtersOf: () => [{ 'data.n': { exact: '2' } }] })
    const pod = await bed.pod()
    expect(await deliver(by, delivery({ value: '{"n":1}' }))).toEqual({ kind: 'filtered' })
    expect(await deliver(by, delivery({ value: '{"n":2}' }))).toMatchObject({ kind: 'done' })
    expect(pod.seen).toHaveLength(1)
  })

  test('of 900 KB arrives whole', async () => {
    const by = await deliverer()
    const pod = await bed.pod()
    const value = JSON.stringify('é'.repeat(450_000))
    expect(await deliver(by, delivery({ value }))).toMatchObject({ kind: 'done' })
    expect(pod.seen[0]?.body.equals(Buffer.from(value))).toBe(true)
  })
})

describe('an error of 5 MB', () => {
  test('is read to its end and kept in part; the connection is used again', async () => {
    const by = await deliverer()
    const body = JSON.stringify({ errorType: 'Huge', errorMessage: 'x'.repeat(5 << 20) })
    const pod = await bed.pod({
      script: (_, response) => answer(response, 500, { 'dormouse-error': 'handled' }, body),
    })
    for (let n = 0; n < 6; n++) {
      const outcome = await deliver(by, delivery())
      expect(outcome).toMatchObject({ kind: 'failed', failure: { class: 'handled', status: 500 } })
      if (outcome.kind === 'failed') expect(outcome.failure.message.length).toBeLessThan(70_000)
    }
    // The second may begin before the first connection is free again.
    expect(pod.connections).toBeLessThanOrEqual(2)
  })
})

describe('capacity', () => {
  test('is that of one pod while it sleeps, then that of its pods, and never more than it may have', async () => {
    const by = await deliverer({ concurrency: 3, maxPods: 2 })
    expect(by.capacity('default/hello')).toBe(3)
    await bed.pod()
    expect(by.capacity('default/hello')).toBe(3)
    await bed.pod()
    expect(by.capacity('default/hello')).toBe(6)
    await bed.pod()
    expect(by.capacity('default/hello')).toBe(6)
    expect(by.capacity('default/none')).toBe(1)
  })

  test('leaves out the slots that others use, not its own, and is never 0', async () => {
    const by = await deliverer({ concurrency: 2 })
    const open: ServerResponse[] = []
    const pod = await bed.pod({ script: (_, response) => void open.push(response) })
    const lane = bed.router.lane('default/hello')!
    const running = deliver(by, delivery())
    await until(() => pod.running === 1)
    expect(by.capacity('default/hello')).toBe(2)
    const other = lane.tryAcquire(0)!
    expect(by.capacity('default/hello')).toBe(1)
    const another = lane.tryAcquire(0)
    expect(another).toBeUndefined()
    lane.release(other)
    expect(by.capacity('default/hello')).toBe(2)
    for (const response of open) answer(response, 200, JSON_TYPE, '1')
    await running
  })
})

interface LambdaEvent {
  bootstrapServers: string
  records: Record<string, { key?: string; value?: string }[]>
}

describe('a batch', () => {
  const batched = (part: Partial<Subscription> = {}) =>
    to({ batch: { size: 100, windowMs: 0, bisect: false }, ...part })
  const kinds = (outcomes: readonly DeliveryOutcome[]) => outcomes.map(({ kind }) => kind)
  const offsets = ({ seen }: FakePod) =>
    seen.map(({ body }) =>
      Object.values((JSON.parse(body.toString()) as { records: Record<string, { offset: number }[]> }).records).flatMap(
        (records) => records.map(({ offset }) => offset),
      ),
    )
  const fails = (...ids: string[]) =>
    JSON.stringify({ batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) })

  test('is one event; the answer says which of its records failed', async () => {
    const by = await deliverer()
    const pod = await bed.pod({ script: (_, response) => answer(response, 200, JSON_TYPE, fails('orders-0@2')) })
    const batch = [1, 2, 3].map((offset) => delivery({ offset, value: 'not JSON, and need not be' }))
    const outcomes = await by.deliver(batched(), batch, never)
    expect(kinds(outcomes)).toEqual(['done', 'failed', 'done'])
    expect(outcomes[1]).toMatchObject({ isOwn: true })
    expect(offsets(pod)).toEqual([[1, 2, 3]])
  })

  test('has its tombstones, by key and without value, and its brokers', async () => {
    const by = await deliverer({}, { bootstrapServers: 'a:9092' })
    const pod = await bed.pod()
    const batch = [delivery({ offset: 1, key: 'a', value: null }), delivery({ offset: 2, key: 'a' })]
    expect(kinds(await by.deliver(batched(), batch, never))).toEqual(['done', 'done'])
    const { bootstrapServers, records } = JSON.parse(pod.seen[0]!.body.toString()) as LambdaEvent
    const values = records['orders-0']!.map(({ key, value }) => [key, value])
    expect([bootstrapServers, values]).toEqual([
      'a:9092',
      [
        ['YQ==', undefined],
        ['YQ==', 'eyJuIjoxfQ=='],
      ],
    ])
  })

  test('leaves out what is filtered or cannot be read', async () => {
    const by = await deliverer({}, { filtersOf: () => [{ key: { exact: 'a' } }] })
    const pod = await bed.pod()
    const batch = [
      delivery({ offset: 1, key: 'a' }),
      delivery({ offset: 2, key: 'b' }),
      delivery({ offset: 3, key: 'a', headers: { 'content-encoding': 'gzip' } }),
    ]
    expect(kinds(await by.deliver(batched(), batch, never))).toEqual(['done', 'filtered', 'rejected'])
    expect(offsets(pod)).toEqual([[1]])
  })

  test('larger than the function takes goes in several calls; a record that alone is too large is rejected', async () => {
    const by = await deliverer()
    const pod = await bed.pod()
    const value = Buffer.alloc(2 << 20, 'x')
    const batch = [1, 2, 3, 4].map((offset) =>
      delivery({ offset, value: offset === 3 ? Buffer.alloc(5 << 20) : value }),
    )
    expect(kinds(await by.deliver(batched(), batch, never))).toEqual(['done', 'done', 'rejected', 'done'])
    expect(offsets(pod)).toEqual([[1, 2], [4]])
  })

  test('in several calls stops for the key that failed, and for all when the function cannot run', async () => {
    const by = await deliverer()
    const value = Buffer.alloc(2 << 20, 'x')
    const keyed = (offset: number, key: string) => delivery({ offset, key, value })
    const pod = await bed.pod({
      script: (_, response) => answer(response, 200, JSON_TYPE, pod.seen.length === 1 ? fails('orders-0@2') : '{}'),
    })
    const batch = [keyed(1, 'a'), keyed(2, 'b'), keyed(3, 'a'), keyed(4, 'b')]
    const outcomes = await by.deliver(batched({ ordering: 'key' }), batch, never)
    expect(offsets(pod)).toEqual([[1, 2], [3]])
    expect(kinds(outcomes)).toEqual(['done', 'failed', 'done', 'failed'])
  })

  test('whose partition was taken away goes on no further', async () => {
    const by = await deliverer()
    const gone = new AbortController()
    const pod = await bed.pod({ script: (_, response) => (gone.abort(), answer(response, 200, JSON_TYPE, '{}')) })
    const value = Buffer.alloc(4 << 20, 'x')
    const batch = [1, 2].map((offset) => delivery({ offset, value }))
    expect(kinds(await by.deliver(batched(), batch, gone.signal))).toEqual(['done', 'held'])
    expect(pod.seen).toHaveLength(1)
  })

  test('whose answer names ten thousand failures is read to its end', async () => {
    const by = await deliverer()
    const batch = Array.from({ length: 10_001 }, (_, offset) => delivery({ offset, value: '1' }))
    const ids = batch.slice(1).map(({ record }) => `orders-0@${record.offset}`)
    await bed.pod({ script: (_, response) => answer(response, 200, JSON_TYPE, fails(...ids)) })
    const outcomes = kinds(await by.deliver(batched(), batch, never))
    expect(outcomes[0]).toBe('done')
    expect(outcomes.filter((kind) => kind === 'failed')).toHaveLength(10_000)
  })

  test('for a function that takes no Lambda events goes record by record, in order', async () => {
    const by = await deliverer({ signature: 'cloudevent' })
    const pod = await bed.pod({
      script: (request, response) => answer(response, request.headers['ce-subject'] === 'b' ? 500 : 204),
    })
    const batch = ['a', 'b', 'a', 'b'].map((key, offset) => delivery({ offset, key }))
    const outcomes = await by.deliver(batched({ ordering: 'key' }), batch, never)
    expect(kinds(outcomes)).toEqual(['done', 'failed', 'done', 'failed'])
    expect(outcomes[1]).toMatchObject({ isOwn: true })
    expect(pod.seen.map(({ headers }) => headers['ce-subject'])).toEqual(['a', 'b', 'a'])
  })
})

await describeOnBothLogs('a reply', (open) => {
  const event = { 'ce-specversion': '1.0', 'ce-id': 'r1', 'ce-source': '/m', 'ce-type': 'mail.sent' }

  test('is stored before the record counts as handled', async () => {
    const by = await deliverer({ signature: 'http' }, {}, { open })
    await bed.pod({ script: (_, response) => answer(response, 200, { ...event, 'dormouse-topic': 'mails' }, 'hi') })
    expect(await deliver(by, delivery())).toMatchObject({ kind: 'done' })
    const [stored] = await bed.read('mails')
    expect(stored?.value?.toString()).toBe('hi')
    expect(stored?.headers.map(([name]) => name)).toEqual(expect.arrayContaining(['ce_id', 'ce_type', 'dormouse-hops']))
  })

  test('without content is a tombstone of its key', async () => {
    const by = await deliverer({ signature: 'http' }, {}, { open })
    const head = { ...event, 'ce-partitionkey': 'ada', 'dormouse-topic': 'mails' }
    await bed.pod({ script: (_, response) => answer(response, 204, head) })
    expect(await deliver(by, delivery({ value: null }))).toMatchObject({ kind: 'done' })
    expect(await bed.read('mails')).toMatchObject([{ key: Buffer.from('ada'), value: null }])
  })

  test('larger than what is read of other answers arrives whole', async () => {
    const by = await deliverer({ signature: 'http' }, {}, { open })
    const body = 'x'.repeat(900_000)
    await bed.pod({ script: (_, response) => answer(response, 200, { ...event, 'dormouse-topic': 'mails' }, body) })
    expect(await deliver(by, delivery())).toMatchObject({ kind: 'done' })
    expect((await bed.read('mails'))[0]?.value).toHaveLength(900_000)
  })

  test.each([
    ['cannot be stored now holds the record', 'unavailable' as const, 'held'],
    ['can never be stored rejects it', 'too-large' as const, 'rejected'],
    ['its topic does not take as it is rejects it', 'invalid-record' as const, 'rejected'],
  ])('that %s', async (_, code, want) => {
    const log = { send: () => Promise.reject(new EventLogError(code, 'no')) }
    const by = await deliverer({ signature: 'http' }, { log }, { open })
    await bed.pod({ script: (_request, response) => answer(response, 200, { ...event, 'dormouse-topic': 'mails' }) })
    expect(await deliver(by, delivery())).toMatchObject({ kind: want })
  })

  test('to a topic of the platform rejects the record, with a sentence', async () => {
    const by = await deliverer({ signature: 'http' }, {}, { open })
    await bed.pod({
      script: (_, response) => answer(response, 200, { ...event, 'dormouse-topic': 'dormouse.default.hello.async' }),
    })
    expect(await deliver(by, delivery())).toMatchObject({
      kind: 'rejected',
      failure: { message: expect.stringContaining('belong to the platform') },
    })
  })
})
