/** Asynchronous invocations of functions that speak HTTP: the request as its caller asked for it, whatever becomes of it first. */
import { afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals'
import { request } from 'undici'
import { eventsOf } from '../../builders/event-platform.ts'
import { eventually } from '../../builders/eventually.ts'
import { describeOnKafka, KAFKA_START_MS, sharedKafka } from '../../builders/kafka-brokers.ts'
import {
  functionManifest,
  startPlatform,
  type PlatformOptions,
  type TestPlatform,
} from '../../builders/local-platform.ts'
import { createWitness, type Witness } from '../faults/witness.ts'

jest.setTimeout(KAFKA_START_MS)

const WAIT = { withinMs: 30_000, everyMs: 50 }
let platform: TestPlatform | undefined
let witness: Witness
beforeEach(() => {
  witness = createWitness()
})
afterEach(async () => {
  await platform?.stop()
  platform = undefined
  witness.remove()
})

interface Seen {
  method: string
  url: string
  headers: Record<string, string>
  body: string
}
const seen = () => witness.begun().map((line) => JSON.parse(line) as Seen)

/** No UTF-8, said to be packed: nobody on the way may look into it. */
const BODY = Buffer.from([0x1f, 0x8b, 0, 0xff, 0x0a, 0x80])

const UNKEPT = new Set(['dormouse-key', 'dormouse-invocation-type', 'proxy-authorization', 'te'])

async function comesWholeToEveryAttempt(options: Partial<PlatformOptions> = {}) {
  const name = `hook-${Date.now().toString(36)}`
  const code = `${witness.code}export const handler = async (req, res) => {
    const chunks = []
    for await (const chunk of req) chunks.push(chunk)
    const { method, url, headers } = req
    begun(JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString('base64') }))
    res.writeHead(503).end('not now')
  }`
  const spec = { signature: 'http', async: { maxAttempts: 2, backoff: { initial: '50ms' } } }
  platform = await startPlatform({ ...options, manifests: [functionManifest(name, code, spec)] })
  const events = eventsOf(platform)
  const answer = await request(`${platform.internalUrl}/fn/default/${name}/orders/7%2F8?of=a&of=b%20c`, {
    method: 'PUT',
    headers: {
      'dormouse-invocation-type': 'Event',
      ...{ 'content-type': 'application/x-thing', 'content-encoding': 'gzip', 'ce-type': 'not an event' },
      ...{ authorization: 'Bearer t', 'x-hub-signature': 'sha256=1', 'x-twice': ['1', '2'], cookie: 'a=b' },
      ...{ 'dormouse-key': 'mine', 'proxy-authorization': 'Basic ends-here', te: 'trailers' },
    },
    body: BODY,
  })
  expect(answer.statusCode).toBe(202)
  const { invocationId } = (await answer.body.json()) as { invocationId: string }
  await eventually('failed for good', async () => (await events.ended(invocationId)).status === 'failed', WAIT)
  await eventually('a dead letter', async () => (await events.deadLetters(`function/${name}`)).length === 1, WAIT)
  await events.redrive(`function/${name}`)
  await eventually('called again', () => seen().length === 4, WAIT)

  const whole = {
    ...{ method: 'PUT', url: '/orders/7%2F8?of=a&of=b%20c', body: BODY.toString('base64') },
    headers: expect.objectContaining({
      ...{ 'content-type': 'application/x-thing', 'content-encoding': 'gzip', 'ce-type': 'not an event' },
      ...{ authorization: 'Bearer t', 'x-hub-signature': 'sha256=1', 'x-twice': '1, 2', cookie: 'a=b' },
      ...{ host: new URL(platform.internalUrl).host, 'content-length': String(BODY.length) },
      'dormouse-delivery-id': invocationId,
    }) as object,
  }
  expect(seen()).toEqual([whole, whole, whole, whole])
  expect(seen().map(({ headers }) => headers['dormouse-attempt'])).toEqual(['1', '2', '1', '2'])
  for (const { headers } of seen()) expect(Object.keys(headers).filter((header) => UNKEPT.has(header))).toEqual([])
}

test('a request comes whole to every attempt, also after it was a dead letter', () => comesWholeToEveryAttempt())

test.each(['GET', 'DELETE', 'HEAD'])('%s without a body is asked for as such', async (method) => {
  const code = `${witness.code}export const handler = (req, res) => {
    begun(JSON.stringify({ method: req.method, url: req.url, headers: req.headers, body: '' }))
    res.end(req.method + ' ' + req.url)
  }`
  platform = await startPlatform({ manifests: [functionManifest('clean', code, { signature: 'http' })] })
  const { statusCode, headers } = await request(`${platform.internalUrl}/fn/default/clean?all`, {
    ...{ method, headers: { 'dormouse-invocation-type': 'event' } },
  })
  expect(statusCode).toBe(202)
  const id = String(headers['dormouse-request-id'])
  expect(await eventsOf(platform).ended(id)).toMatchObject({ status: 'succeeded', result: { status: 200 } })
  expect(seen()).toMatchObject([{ method, url: '/?all' }])
  expect(seen()[0]!.headers).not.toHaveProperty('content-type')
})

await describeOnKafka('on', () => {
  let brokers: string[]
  beforeAll(async () => {
    ;({ brokers } = await sharedKafka())
  })

  test('a request comes whole to every attempt', () => comesWholeToEveryAttempt({ kafka: { brokers } }))
})
