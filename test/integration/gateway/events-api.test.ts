import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { EventLogError, type LogRecord } from '../../../events/event-log.ts'
import { readToEnd } from '../../../events/read-topic.ts'
import { openSqliteEventLog, type SqliteEventLog } from '../../../events/sqlite/sqlite-event-log.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { until } from '../../builders/eventually.ts'
import { GatewayWorld, type WorldOptions } from '../../fakes/gateway-world.ts'
import { RawClient } from '../../fakes/raw-client.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const MEBIBYTE = 1024 * 1024

let folder: string
let log: SqliteEventLog
let world: GatewayWorld | undefined
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dormouse-events-api-'))
  log = openSqliteEventLog({ path: join(folder, 'events.db'), logger: silentLogger })
})
afterEach(async () => {
  await world?.stop()
  world = undefined
  await log.close()
  rmSync(folder, { recursive: true })
})

async function start(options: WorldOptions = {}): Promise<GatewayWorld> {
  const events = { log, ledger: log.ledger }
  return (world = await GatewayWorld.start({ events, fn: { signature: 'event' }, ...options }))
}

async function recordsOf(topic: string): Promise<LogRecord[]> {
  const found: LogRecord[] = []
  await readToEnd({ log, topics: [topic], group: 'test', onRecords: (records) => void found.push(...records) })
  return found
}

const headersOf = ({ headers }: LogRecord) => headers.map(([name, value]) => `${name}: ${value.toString()}`)
const asEvent = { 'dormouse-invocation-type': 'Event', 'content-type': 'application/json' }
const invoke = (body: string | Buffer = '{"n":1}', headers: Record<string, string> = asEvent) =>
  fetch(world!.functionUrl, { method: 'POST', headers, body: body as string })
const publish = (path: string, body: string | Buffer = 'x', headers: Record<string, string> = {}) =>
  fetch(`${world!.internalUrl}/topics/${path}`, { method: 'POST', headers, body: body as string })
const problem = async (response: Response) => {
  const { code } = (await response.json()) as { code: string }
  return { status: response.status, code, retryAfter: response.headers.get('retry-after') }
}

/** The log as it is, except that nothing can be stored. */
function unwritable(code: 'full' | 'unavailable' | 'closed'): SqliteEventLog {
  const refuse = async () => Promise.reject(new EventLogError(code, 'no space'))
  return new Proxy(log, {
    get(target, name) {
      if (name === 'send') return refuse
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

describe('an asynchronous invocation', () => {
  test('is answered with 202 and its id once record and state are stored', async () => {
    await start()
    const response = await invoke('{"n":1}', { ...asEvent, 'ce-type': 'a%20b', 'x-other': 'no' })
    const { invocationId } = (await response.json()) as { invocationId: string }
    expect(response.status).toBe(202)
    expect(invocationId).toMatch(UUID)
    expect(response.headers.get('dormouse-request-id')).toBe(invocationId)
    const [record, ...more] = await recordsOf('dormouse.default.hello.async')
    expect(more).toEqual([])
    expect(record).toMatchObject({ key: null, value: Buffer.from('{"n":1}') })
    expect(headersOf(record!)).toEqual([
      `dormouse-delivery-id: ${invocationId}`,
      'content-type: application/json',
      'ce_type: a b',
      expect.stringMatching(/^traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/),
    ])
    expect(await log.ledger.get(invocationId)).toMatchObject({ functionKey: 'default/hello', status: 'queued' })
  })

  test.each(['event', 'EVENT', 'Event'])('may be asked for as %s', async (type) => {
    await start()
    expect((await invoke('{}', { 'dormouse-invocation-type': type })).status).toBe(202)
  })

  test('goes on with its trace', async () => {
    await start()
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
    await invoke('{}', { ...asEvent, traceparent: `00-${trace}-00f067aa0ba902b7-01`, tracestate: 'a=b' })
    const [record] = await recordsOf('dormouse.default.hello.async')
    expect(headersOf(record!).filter((line) => line.startsWith('trace'))).toEqual([
      expect.stringContaining(trace),
      'tracestate: a=b',
    ])
  })

  test('does not let callers choose its id or write headers of the platform', async () => {
    await start()
    const mine = { 'dormouse-delivery-id': 'mine', 'dormouse-attempt': '9', 'dormouse-request-id': 'mine' }
    const { invocationId } = (await (await invoke('{}', { ...asEvent, ...mine })).json()) as { invocationId: string }
    expect(invocationId).toMatch(UUID)
    const [record] = await recordsOf('dormouse.default.hello.async')
    expect(headersOf(record!).filter((line) => line.startsWith('dormouse-'))).toEqual([
      `dormouse-delivery-id: ${invocationId}`,
    ])
  })

  test('without a body has an empty event', async () => {
    await start()
    expect((await invoke('')).status).toBe(202)
    expect((await recordsOf('dormouse.default.hello.async'))[0]!.value!.toString()).toBe('{}')
  })

  test('of a function with signature event that is no JSON is refused', async () => {
    await start()
    expect(await problem(await invoke('{n:1}'))).toMatchObject({ status: 400, code: 'invalid-event' })
    expect(await log.describe()).toEqual([])
  })

  test('of a function with signature http may be any bytes', async () => {
    await start({ fn: { signature: 'http' } })
    const bytes = Buffer.from([0, 255, 10])
    expect((await invoke(bytes)).status).toBe(202)
    expect((await recordsOf('dormouse.default.hello.async'))[0]!.value).toEqual(bytes)
  })

  test('larger than a record is refused, declared or chunked', async () => {
    await start({ fn: { signature: 'http' } })
    expect(await problem(await invoke(Buffer.alloc(MEBIBYTE)))).toMatchObject({
      status: 413,
      code: 'payload-too-large',
    })
    const client = await RawClient.open(world!.ports.internalPort)
    const head = 'POST /fn/default/hello HTTP/1.1\r\nHost: a\r\ndormouse-invocation-type: Event\r\n'
    client.send(`${head}Transfer-Encoding: chunked\r\n\r\n`)
    const chunk = 'x'.repeat(65_536)
    for (let sent = 0; sent < MEBIBYTE; sent += chunk.length) client.send(`10000\r\n${chunk}\r\n`)
    await client.expect(/^HTTP\/1\.1 413 [^]*payload-too-large/)
    client.close()
    expect(await log.describe()).toEqual([])
  })

  test('of an unknown function is 404', async () => {
    await start()
    const response = await fetch(`${world!.internalUrl}/fn/default/nobody`, { method: 'POST', headers: asEvent })
    expect(await problem(response)).toMatchObject({ status: 404, code: 'unknown-function' })
  })

  test.each(['full', 'unavailable', 'closed'] as const)('is never 202 while the log is %s', async (code) => {
    const broken = unwritable(code)
    await start({ events: { log: broken, ledger: log.ledger } })
    expect(await problem(await invoke())).toEqual({ status: 503, code: 'events-unavailable', retryAfter: '1' })
  })

  test('as DryRun stores nothing', async () => {
    await start()
    const response = await invoke('{}', { 'dormouse-invocation-type': 'DryRun' })
    expect([response.status, await log.describe()]).toEqual([204, []])
  })

  test('of another type is refused', async () => {
    await start()
    const response = await invoke('{}', { 'dormouse-invocation-type': 'Later' })
    expect(await problem(response)).toMatchObject({ status: 400, code: 'invocation-type-unsupported' })
  })

  test('cannot be asked for from the internet', async () => {
    await start()
    const pod = await world!.pod()
    const response = await fetch(world!.publicUrl, { method: 'POST', headers: asEvent, body: '{}' })
    expect([response.status, pod.executed, await log.describe()]).toEqual([200, 1, []])
  })
})

describe('a published record', () => {
  test('is stored as it came, and where it is is the answer', async () => {
    await start()
    const bytes = Buffer.from([0, 1, 254])
    const response = await publish('orders?key=ada', bytes, { 'content-type': 'image/png', 'x-other': 'no' })
    const [record] = await recordsOf('orders')
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ topic: 'orders', partition: record!.partition, offset: 0 })
    expect(record).toMatchObject({ key: Buffer.from('ada'), value: bytes })
    expect(headersOf(record!)).toEqual(['content-type: image/png'])
  })

  test('goes to the partition that is named', async () => {
    await start()
    expect(await (await publish('orders?partition=5')).json()).toEqual({ topic: 'orders', partition: 5, offset: 0 })
    expect(await problem(await publish('orders?partition=6'))).toMatchObject({ status: 400, code: 'bad-topic' })
    expect(await problem(await publish('orders?partition=x'))).toMatchObject({ status: 400, code: 'bad-request' })
  })

  test('that is a CloudEvent in binary mode has its attributes as record headers, and its partition key as key', async () => {
    await start()
    await publish('orders', '{}', { 'ce-id': '1', 'ce-subject': 'caf%C3%A9', 'ce-partitionkey': 'ada' })
    const [record] = await recordsOf('orders')
    expect(headersOf(record!).sort()).toEqual([
      'ce_id: 1',
      'ce_partitionkey: ada',
      'ce_subject: café',
      expect.stringMatching(/^content-type: text\/plain/),
    ])
    expect(record!.key?.toString()).toBe('ada')
    await publish('orders?key=given', '{}', { 'ce-partitionkey': 'ada' })
    expect((await recordsOf('orders')).map(({ key }) => key?.toString()).sort()).toEqual(['ada', 'given'])
  })

  test('that is a CloudEvent in structured mode stays so', async () => {
    await start()
    const body = '{"specversion":"1.0","id":"1"}'
    await publish('orders', body, { 'content-type': 'application/cloudevents+json' })
    const [record] = await recordsOf('orders')
    expect([record!.value!.toString(), ...headersOf(record!)]).toEqual([
      body,
      'content-type: application/cloudevents+json',
    ])
  })

  test('may be a tombstone, which has no body', async () => {
    await start()
    expect((await publish('orders?key=a&tombstone=true', '')).status).toBe(200)
    expect((await recordsOf('orders'))[0]!.value).toBeNull()
    expect(await problem(await publish('orders?key=a&tombstone=true', 'x'))).toMatchObject({ code: 'bad-request' })
  })

  test.each([
    ['a topic of the platform', 'dormouse.default.t.dlt', 403, 'topic-reserved'],
    ['one that Kafka takes for it', 'dormouse_default_t_dlt', 403, 'topic-reserved'],
    ['a topic of Kafka', '__consumer_offsets', 403, 'topic-reserved'],
    ['a name no topic has', 'a%20b', 400, 'bad-topic'],
    ['a name with a slash', 'a%2Fb', 400, 'bad-topic'],
    ['broken escapes', 'a%zz', 400, 'bad-path'],
    ['a name too long', 'x'.repeat(250), 400, 'bad-topic'],
  ])('for %s is refused', async (...[, topic, status, code]) => {
    await start()
    expect(await problem(await publish(topic))).toMatchObject({ status, code })
    expect(await log.describe()).toEqual([])
  })

  test('larger than a record is refused', async () => {
    await start()
    expect(await problem(await publish('orders', Buffer.alloc(MEBIBYTE)))).toMatchObject({ status: 413 })
    expect((await publish('orders', Buffer.alloc(900 * 1024))).status).toBe(200)
  })

  test('can only be posted, and only on the internal listener', async () => {
    await start()
    const response = await fetch(`${world!.internalUrl}/topics/orders`)
    expect([response.headers.get('allow'), await problem(response)]).toMatchObject(['POST', { status: 405 }])
    const pod = await world!.pod()
    const outside = await fetch(`${world!.publicUrl}/topics/orders`, { method: 'POST', body: '1' })
    expect([outside.status, pod.executed, await log.describe()]).toEqual([200, 1, []])
  })

  test('waits for 100-continue', async () => {
    await start()
    const client = await RawClient.open(world!.ports.internalPort)
    client.send('POST /topics/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n')
    await client.expect(/^HTTP\/1\.1 100 /)
    client.send('{}')
    await client.expect(/HTTP\/1\.1 200 [^]*"offset":0/)
    client.close()
  })

  test('of a client that went away is not stored', async () => {
    await start()
    const client = await RawClient.open(world!.ports.internalPort)
    client.send('POST /topics/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n{}')
    client.close()
    expect((await publish('others')).status).toBe(200)
    expect((await log.describe()).map(({ topic }) => topic)).toEqual(['others'])
  })
})

describe('an invocation that is asked for', () => {
  const ask = (id: string) => fetch(`${world!.internalUrl}/invocations/${id}`)

  test.each([
    ['JSON', Buffer.from('{"a":1}'), { json: { a: 1 } }],
    ['text', Buffer.from('done: é'), { text: 'done: é' }],
    ['bytes', Buffer.from([255, 0]), { base64: '/wA=' }],
  ])('is told with times, attempts and a result of %s', async (_what, body, shown) => {
    await start()
    const result = { status: 200, contentType: 'x/y', body, truncated: false }
    const about = { id: 'i-1', functionKey: 'default/hello', status: 'succeeded' as const, attempts: 2 }
    await log.ledger.put({ ...about, acceptedAtMs: 0, finishedAtMs: 1_000, result })
    expect(await (await ask('i-1')).json()).toEqual({
      ...{ id: 'i-1', function: 'default/hello', status: 'succeeded', attempts: 2 },
      ...{ acceptedAt: '1970-01-01T00:00:00.000Z', finishedAt: '1970-01-01T00:00:01.000Z' },
      result: { status: 200, contentType: 'x/y', body: shown, truncated: false },
    })
  })

  test('is 404 when nobody knows it', async () => {
    await start()
    expect(await problem(await ask('i-2'))).toMatchObject({ status: 404, code: 'unknown-invocation' })
  })
})

test('without an event log all of it is 503, and other paths are as they were', async () => {
  world = await GatewayWorld.start()
  const unavailable = { status: 503, code: 'events-unavailable', retryAfter: '1' }
  expect(await problem(await invoke())).toEqual(unavailable)
  expect(await problem(await publish('orders'))).toEqual(unavailable)
  expect(await problem(await fetch(`${world.internalUrl}/invocations/x`))).toEqual(unavailable)
  expect(await problem(await fetch(`${world.internalUrl}/nowhere`))).toMatchObject({ code: 'unknown-route' })
})

test('what was accepted and refused is counted', async () => {
  await start()
  await invoke()
  await invoke('no json')
  await publish('orders')
  await publish('dormouse.x')
  const text = await world!.metrics()
  const counted = [...text.matchAll(/^dormouse_gateway_events_total\{what="(\w+)",outcome="([\w-]+)"\} (\d+)$/gm)]
  expect(counted.map(([, ...cells]) => cells.join(' ')).sort()).toEqual([
    'invocation accepted 1',
    'invocation invalid-event 1',
    'record accepted 1',
    'record topic-reserved 1',
  ])
})

test('while it ends each answer ends its connection, also of what no function answers', async () => {
  const { gateway, ports } = await start()
  const stopping = gateway.stop({ lingerMs: 3_000, graceMs: 1_000 })
  const asked = async (head: string, body = '') => {
    const client = await RawClient.open(ports.internalPort)
    client.send(`${head}\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    await client.untilClosed()
    client.close()
    return [client.received.split(' ')[1], /\r\nconnection: close\r\n/i.test(client.received)]
  }
  const EVENT = 'POST /fn/default/hello HTTP/1.1\r\nContent-Type: application/json\r\nDormouse-Invocation-Type: '
  expect(await asked(`${EVENT}Event`, '{}')).toEqual(['202', true])
  expect(await asked(`${EVENT}DryRun`, '{}')).toEqual(['204', true])
  expect(await asked('POST /topics/orders HTTP/1.1', 'x')).toEqual(['200', true])
  expect(await asked('GET /topics/orders HTTP/1.1')).toEqual(['405', true])
  expect(await asked('GET /invocations/none HTTP/1.1')).toEqual(['404', true])
  await stopping
})

test('bodies that come slowly, or never end, are bounded all together', async () => {
  await start({ limits: { heldBodyBytes: 1_000_000 } })
  const { port } = new URL(world!.internalUrl)
  const announce = (bytes: number) => {
    const socket = connect({ host: '127.0.0.1', port: Number(port) })
    socket.write(`POST /topics/orders HTTP/1.1\r\nhost: a\r\ncontent-length: ${bytes}\r\n\r\n`)
    return socket
  }
  /** Sends nothing, and so takes no room that the other might want. */
  const isRefused = async () => {
    const probe = announce(200_000)
    const isAnswered = await Promise.race([once(probe, 'data').then(() => true), delay(200, false)])
    probe.destroy()
    return isAnswered
  }
  const slow = announce(900_001)
  await new Promise((resolve) => slow.write(Buffer.alloc(900_000), resolve))
  await until(isRefused)
  expect(await problem(await publish('orders', Buffer.alloc(200_000)))).toMatchObject({ code: 'overloaded' })
  expect((await publish('orders', Buffer.alloc(50_000))).status).toBe(200)
  slow.destroy()
  await until(async () => (await publish('orders', Buffer.alloc(200_000))).status === 200)
})
