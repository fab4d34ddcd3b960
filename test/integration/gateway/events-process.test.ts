/** `gateway/main.ts` as a process with a Kafka, without one, and with one that is away. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals'
import { openKafkaEventLog } from '../../../events/kafka/kafka-event-log.ts'
import { readToEnd } from '../../../events/read-topic.ts'
import { asyncTopic } from '../../../events/topic-names.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { holdFreePort } from '../../../local/free-port.ts'
import { COMPILE_CACHE } from '../../builders/compile-cache.ts'
import { eventually } from '../../builders/eventually.ts'
import { feedFunction } from '../../builders/feed.ts'
import { describeOnKafka, KAFKA_START_MS, sharedKafka } from '../../builders/kafka-brokers.ts'
import { FAKE_TOKEN, FakeController } from '../../fakes/fake-controller.ts'
import { FakePod } from '../../fakes/fake-pod.ts'

jest.setTimeout(240_000)

const MAIN = new URL('../../../gateway/main.ts', import.meta.url).pathname
const key = `default/hello-${Date.now().toString(36)}` as const
const DISPATCHER = new URL('../../../dispatcher/main.ts', import.meta.url).pathname
let directory: string
let controller: FakeController
let pod: FakePod
const processes: ChildProcess[] = []

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'dormouse-gateway-'))
  writeFileSync(join(directory, 'token'), FAKE_TOKEN)
  controller = await FakeController.start()
  const backoff = { initialMs: 50, factor: 1, maxMs: 50 }
  const async = { maxAttempts: 2, maxAgeMs: 3_600_000, backoff }
  controller.setFunctions(feedFunction({ key, signature: 'event', async }))
  pod = await FakePod.start({ function: key })
  controller.addEndpoints(pod.endpoint)
})
afterEach(async () => {
  for (const child of processes.splice(0)) if (child.exitCode === null) child.kill('SIGKILL')
  await Promise.all([controller.stop(), pod.stop()])
  rmSync(directory, { recursive: true, force: true })
})

interface Running {
  child: ChildProcess
  said: () => string
  internal(path: string, init?: RequestInit): Promise<Response>
  management(path: string): Promise<Response>
}

async function start(kafka?: readonly string[]): Promise<Running> {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      ...COMPILE_CACHE,
      ...(kafka && { DORMOUSE_KAFKA: kafka.join(',') }),
      DORMOUSE_CONTROLLERS: controller.url,
      DORMOUSE_TOKEN_FILE: join(directory, 'token'),
      DORMOUSE_LISTEN_HOST: '127.0.0.1',
      DORMOUSE_PUBLIC_PORT: '0',
      DORMOUSE_INTERNAL_PORT: '0',
      DORMOUSE_MANAGEMENT_PORT: '0',
      DORMOUSE_LINGER_MS: '0',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  processes.push(child)
  let text = ''
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const ports = await eventually(
    'the gateway listens',
    () => {
      if (child.exitCode !== null) throw new Error(text)
      return /"internalPort":(\d+),"managementPort":(\d+)/.exec(text) ?? undefined
    },
    { withinMs: 20_000 },
  )
  const at = (port: string | undefined) => (path: string, init?: RequestInit) =>
    fetch(`http://127.0.0.1:${port}${path}`, init)
  const running = { child, said: () => text, internal: at(ports[1]), management: at(ports[2]) }
  await eventually('ready', async () => (await running.management('/readyz')).status === 200, { withinMs: 20_000 })
  return running
}

const invokeLater = ({ internal }: Running) =>
  internal(`/fn/${key}`, { method: 'POST', body: '{"n":1}', headers: { 'dormouse-invocation-type': 'Event' } })
const publish = ({ internal }: Running, topic: string) =>
  internal(`/topics/${topic}?key=k`, { method: 'POST', body: '{"n":2}' })
const available = async ({ management }: Running) =>
  /^dormouse_gateway_event_log_available (\d)$/m.exec(await (await management('/metrics')).text())?.[1]

await describeOnKafka('a gateway process on', () => {
  let brokers: string[]
  beforeAll(async () => {
    ;({ brokers } = await sharedKafka())
  }, KAFKA_START_MS)

  test('answers 202 to an asynchronous invocation, and 200 to a record, once they are there', async () => {
    const gateway = await start(brokers)
    const topic = `published-${Date.now().toString(36)}`
    const accepted = await invokeLater(gateway)
    const published = await publish(gateway, topic)
    expect([accepted.status, published.status]).toEqual([202, 200])
    const { invocationId } = (await accepted.json()) as { invocationId: string }
    const position = await published.json()
    const log = openKafkaEventLog({ brokers, logger: silentLogger })
    const stored: unknown[] = []
    const topics = [asyncTopic(key), topic]
    await readToEnd({
      ...{ log, topics, group: `see-${topic}` },
      onRecords: (records) =>
        void stored.push(...records.map((each) => [each.topic, each.key?.toString(), each.value?.toString()])),
    })
    await log.close()
    expect(stored).toEqual(
      expect.arrayContaining([
        [asyncTopic(key), undefined, '{"n":1}'],
        [topic, 'k', '{"n":2}'],
      ]),
    )
    expect(position).toEqual({ topic, partition: expect.any(Number), offset: 0 })
    const state = await gateway.internal(`/invocations/${invocationId}`)
    expect([state.status, await state.json()]).toEqual([200, expect.objectContaining({ function: key })])
    expect((await gateway.internal('/invocations/nobody')).status).toBe(404)
    expect(await available(gateway)).toBe('1')
    const ended = once(gateway.child, 'exit')
    gateway.child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  })

  test('tells what became of an invocation that another accepted and a dispatcher ended, after a restart, too', async () => {
    const gateways = [await start(brokers), await start(brokers)] as const
    const env = {
      ...{ DORMOUSE_KAFKA: brokers.join(','), DORMOUSE_CONTROLLERS: controller.url },
      ...{ DORMOUSE_TOKEN_FILE: join(directory, 'token'), DORMOUSE_LISTEN_HOST: '127.0.0.1' },
      ...{ DORMOUSE_MANAGEMENT_PORT: '0', DORMOUSE_LOG_LEVEL: 'error' },
    }
    processes.push(spawn(process.execPath, [DISPATCHER], { env: { ...COMPILE_CACHE, ...env }, stdio: 'ignore' }))
    const { invocationId } = (await (await invokeLater(gateways[0])).json()) as { invocationId: string }
    const ask = async ({ internal }: Running) => {
      const answer = await internal(`/invocations/${invocationId}`)
      return { http: answer.status, ...((await answer.json()) as { status?: string; attempts?: number }) }
    }
    const ended = (gateway: Running) =>
      eventually('it ended', async () => (await ask(gateway)).status === 'succeeded', {
        withinMs: 90_000,
        everyMs: 100,
      })
    // Whoever is asked first knows what was accepted elsewhere.
    expect((await ask(gateways[1])).http).toBe(200)
    for (const gateway of gateways) await ended(gateway)
    gateways[1].child.kill('SIGKILL')
    const third = await start(brokers)
    expect(await ask(third)).toMatchObject({ http: 200, status: 'succeeded', attempts: 1 })
  })
})

test('without Kafka a gateway process is ready, serves HTTP, and says what it cannot do and why', async () => {
  const gateway = await start()
  expect((await gateway.internal(`/fn/${key}`, { method: 'POST', body: '{}' })).status).toBe(200)
  for (const answer of [
    await invokeLater(gateway),
    await publish(gateway, 'orders'),
    await gateway.internal('/invocations/1'),
  ])
    expect([answer.status, await answer.json()]).toEqual([
      503,
      expect.objectContaining({
        code: 'events-unavailable',
        detail: expect.stringContaining('this gateway runs without (DORMOUSE_KAFKA)'),
      }),
    ])
  expect(await available(gateway)).toBeUndefined()
})

test('with a Kafka that is away a gateway process is ready, serves HTTP, and answers 503 to events', async () => {
  const nowhere = await holdFreePort('127.0.0.1')
  await nowhere.release()
  const gateway = await start([`127.0.0.1:${nowhere.port}`])
  expect((await gateway.internal(`/fn/${key}`, { method: 'POST', body: '{}' })).status).toBe(200)
  const answers = await Promise.all([invokeLater(gateway), publish(gateway, 'orders')])
  expect(answers.map(({ status }) => status)).toEqual([503, 503])
  expect((await gateway.management('/readyz')).status).toBe(200)
  expect(await available(gateway)).toBe('0')
  const metrics = await (await gateway.management('/metrics')).text()
  expect(metrics).toContain('dormouse_gateway_events_total{what="invocation",outcome="events-unavailable"} 1')
  expect(gateway.said()).toMatch(/Kafka at \S+ cannot be reached, trying on; meanwhile HTTP is served/)
  await eventually('it says so', () => gateway.said().includes('the event log takes nothing now'))
  expect(gateway.said().match(/the event log takes nothing now/g)).toHaveLength(1)
})
