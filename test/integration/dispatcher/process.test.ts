/** `dispatcher/main.ts` as a process, between a fake controller, fake pods and a real Kafka. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals'
import { HEADER } from '../../../api/names.ts'
import type { EventLog } from '../../../events/event-log.ts'
import { openKafkaEventLog } from '../../../events/kafka/kafka-event-log.ts'
import { triggerGroup } from '../../../events/topic-names.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { holdFreePort } from '../../../local/free-port.ts'
import { COMPILE_CACHE } from '../../builders/compile-cache.ts'
import { eventually } from '../../builders/eventually.ts'
import { feedFunction, feedSubscription } from '../../builders/feed.ts'
import { describeOnKafka, KAFKA_START_MS, sharedKafka } from '../../builders/kafka-brokers.ts'
import { FAKE_TOKEN, FakeController } from '../../fakes/fake-controller.ts'
import { FakePod, type PodScript } from '../../fakes/fake-pod.ts'

jest.setTimeout(180_000)

const PATIENT = { withinMs: 60_000 }
const unique = Date.now().toString(36)
const MAIN = new URL('../../../dispatcher/main.ts', import.meta.url).pathname
let directory: string
let controller: FakeController
const processes: ChildProcess[] = []

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'dormouse-dispatcher-'))
  writeFileSync(join(directory, 'token'), `${FAKE_TOKEN}\n`)
  controller = await FakeController.start()
  controller.setFunctions(feedFunction({ signature: 'event' }))
})
afterEach(async () => {
  for (const child of processes.splice(0)) if (child.exitCode === null) child.kill('SIGKILL')
  await controller.stop()
  rmSync(directory, { recursive: true, force: true })
})

function run(environment: Record<string, string>): { child: ChildProcess; said: () => string } {
  const child = spawn(process.execPath, [MAIN], {
    env: { ...COMPILE_CACHE, ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  processes.push(child)
  let text = ''
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return { child, said: () => text }
}

interface Running {
  child: ChildProcess
  /** Of the management listener. */
  ask(path: string): Promise<{ status: number; text: string }>
}

async function start(brokers: readonly string[]): Promise<Running> {
  const dispatcher = run({
    DORMOUSE_KAFKA: brokers.join(','),
    DORMOUSE_CONTROLLERS: controller.url,
    DORMOUSE_TOKEN_FILE: join(directory, 'token'),
    DORMOUSE_LISTEN_HOST: '127.0.0.1',
    DORMOUSE_MANAGEMENT_PORT: '0',
  })
  const port = await eventually(
    'the dispatcher listens',
    () => {
      if (dispatcher.child.exitCode !== null) throw new Error(dispatcher.said())
      return /"managementPort":(\d+)/.exec(dispatcher.said())?.[1]
    },
    PATIENT,
  )
  const ask = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`)
    return { status: answer.status, text: await answer.text() }
  }
  return { child: dispatcher.child, ask }
}

const ready = ({ ask }: Running) =>
  eventually('ready', async () => (await ask('/readyz')).status === 200, { ...PATIENT, everyMs: 50 })

await describeOnKafka('the dispatcher process on', () => {
  let brokers: string[]
  let log: EventLog
  beforeAll(async () => {
    ;({ brokers } = await sharedKafka())
  }, KAFKA_START_MS)
  beforeEach(() => {
    log = openKafkaEventLog({ brokers, logger: silentLogger })
  })
  afterEach(() => log.close())

  const pod = async (script?: PodScript) => {
    const made = await FakePod.start(script && { script })
    controller.addEndpoints(made.endpoint)
    return made
  }
  const send = (topic: string, ...values: string[]) =>
    log.send(values.map((value) => ({ topic, key: null, value: Buffer.from(value), headers: [] })))

  test('delivers what is in the topics of its Triggers, and tells operators about it', async () => {
    const topic = `orders-${unique}`
    const subscription = feedSubscription({ trigger: `default/on-${topic}`, topics: [topic] })
    controller.setSubscriptions(subscription)
    const seeing = await pod()
    await send(topic, '1', '2', '3')
    const dispatcher = await start(brokers)
    await ready(dispatcher)
    await eventually('all delivered', () => seeing.seen.length === 3, PATIENT)
    expect(seeing.seen.map(({ body }) => body.toString()).sort()).toEqual(['1', '2', '3'])
    // A call counts as done when its answer has come back.
    const { ask } = dispatcher
    const done = async () => JSON.parse((await ask(`/api/v1/triggers/default/on-${topic}/state`)).text).done as number
    await eventually('all done', async () => (await done()) === 3, PATIENT)
    expect((await dispatcher.ask('/metrics')).text).toContain(
      `dormouse_dispatcher_attempts_total{kind="trigger",name="default/on-${topic}",function="default/hello",outcome="done"} 3`,
    )
    expect((await dispatcher.ask('/healthz')).status).toBe(200)
    await eventually('its load is reported', () => controller.reports.length > 0)
    await seeing.stop()
  })

  test('tells functions in Lambda’s Kafka event which brokers it reads from', async () => {
    const topic = `lambda-${unique}`
    const batch = { size: 10, windowMs: 50, bisect: false }
    controller.setSubscriptions(feedSubscription({ trigger: `default/on-${topic}`, topics: [topic], batch }))
    const seeing = await pod()
    await log.ensureTopics([{ topic, partitions: 1 }])
    await send(topic, '1')
    await start(brokers)
    await eventually('delivered', () => seeing.seen.length === 1, PATIENT)
    expect(JSON.parse(seeing.seen[0]!.body.toString())).toMatchObject({
      ...{ eventSource: 'SelfManagedKafka', bootstrapServers: brokers.join(',') },
      records: { [`${topic}-0`]: [{ topic, value: Buffer.from('1').toString('base64') }] },
    })
    await seeing.stop()
  })

  test('shares partitions with another one, which delivers what this one had when it is killed', async () => {
    const topic = `shared-${unique}`
    const key = `default/on-${topic}` as const
    const subscription = feedSubscription({ trigger: key, topics: [topic] })
    controller.setSubscriptions(subscription)
    const held: (() => void)[] = []
    let isHolding = false
    const target = await pod((_, response) => {
      const answer = () => void response.writeHead(200).end()
      if (isHolding) held.push(answer)
      else answer()
    })
    await log.ensureTopics([{ topic, partitions: 4 }])
    const sendToEach = (name: string) =>
      log.send(
        [0, 1, 2, 3].map((partition) => ({
          ...{ topic, partition, key: null, value: Buffer.from(`"${name}-${partition}"`), headers: [] },
        })),
      )
    const dispatchers = [await start(brokers), await start(brokers)] as const
    const done = ({ ask }: Running) =>
      ask(`/api/v1/triggers/${key}/state`).then(({ text }) => JSON.parse(text).done as number)
    let rounds = 0
    await eventually(
      'both have partitions',
      async () => {
        await sendToEach(`round${rounds++}`)
        const counts = await Promise.all(dispatchers.map(done))
        return counts.every((count) => count > 0)
      },
      { ...PATIENT, everyMs: 200 },
    )
    const bodies = () => target.seen.map(({ body }) => body.toString())
    await eventually('no round is left', () => new Set(bodies()).size === 4 * rounds, PATIENT)
    isHolding = true
    await sendToEach('last')
    const last = () => target.seen.filter(({ body }) => body.toString().startsWith('"last'))
    await eventually('all four run', () => last().length === 4, PATIENT)
    const [killed, left] = dispatchers
    killed.child.kill('SIGKILL')
    isHolding = false
    held.forEach((answer) => answer())
    const group = triggerGroup(subscription.trigger, subscription.uid)
    await eventually(
      'everything is committed',
      async () => {
        const committed = await log.committed(group)
        return committed.length === 4 && committed.every(({ offset }) => offset === rounds + 1)
      },
      { ...PATIENT, everyMs: 100 },
    )
    const exited = once(left.child, 'exit')
    left.child.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
    const idsByBody = Map.groupBy(last(), ({ body }) => body.toString())
    const ids = [...idsByBody.values()].map(
      (requests) => new Set(requests.map(({ headers }) => headers[HEADER.deliveryId])).size,
    )
    expect(ids).toEqual([1, 1, 1, 1])
    // Again comes at least one and at most what the killed one had in flight.
    expect(last().length).toBeGreaterThan(4)
    expect(last().length).toBeLessThan(8)
    await target.stop()
  })

  test('ends with 0 on SIGTERM after what runs has ended and is committed', async () => {
    const topic = `slow-${unique}`
    const subscription = feedSubscription({ trigger: `default/on-${topic}`, topics: [topic] })
    controller.setSubscriptions(subscription)
    let finish: () => void = () => undefined
    const slow = await pod((_, response) => {
      finish = () => response.writeHead(200).end()
    })
    await log.ensureTopics([{ topic, partitions: 1 }])
    await send(topic, '1')
    const dispatcher = await start(brokers)
    await eventually('called', () => slow.seen.length === 1, PATIENT)
    const exited = once(dispatcher.child, 'exit')
    dispatcher.child.kill('SIGTERM')
    await eventually('draining', async () => (await dispatcher.ask('/readyz')).text === 'draining\n')
    finish()
    expect(await exited).toEqual([0, null])
    const group = triggerGroup(subscription.trigger, subscription.uid)
    expect(await log.committed(group)).toEqual([expect.objectContaining({ topic, partition: 0, offset: 1 })])
    expect(slow.seen).toHaveLength(1)
    await slow.stop()
  })
})

test('without Kafka it is alive, not ready, and says why', async () => {
  const nowhere = await holdFreePort('127.0.0.1')
  await nowhere.release()
  const dispatcher = await start([`127.0.0.1:${nowhere.port}`])
  await eventually('the feed', () => controller.feeds === 1)
  expect((await dispatcher.ask('/healthz')).status).toBe(200)
  await eventually('the reason', async () => (await dispatcher.ask('/readyz')).text === 'no answer from Kafka yet\n')
  const exited = once(dispatcher.child, 'exit')
  dispatcher.child.kill('SIGTERM')
  expect(await exited).toEqual([0, null])
})

test('a file that is named and not there ends the process with 1 and a sentence', async () => {
  const tls = { DORMOUSE_KAFKA_TLS: 'true', DORMOUSE_KAFKA_TLS_CA_FILE: join(directory, 'nowhere') }
  const needed = { DORMOUSE_KAFKA: 'k:9092', DORMOUSE_CONTROLLERS: 'http://c:1', DORMOUSE_TOKEN_FILE: '/x' }
  const { child, said } = run({ ...needed, ...tls })
  // Only then everything it said is here.
  expect(await once(child, 'close')).toEqual([1, null])
  expect(said()).toMatch(/^dispatcher: DORMOUSE_KAFKA_TLS_CA_FILE: expected a readable file, \S+nowhere cannot be read/)
})

test('a mistake in the environment ends the process with 1 and a sentence', async () => {
  const { child, said } = run({
    DORMOUSE_KAFKA: 'kafka',
    DORMOUSE_CONTROLLERS: 'http://c:1',
    DORMOUSE_TOKEN_FILE: '/x',
  })
  // Only then everything it said is here.
  expect(await once(child, 'close')).toEqual([1, null])
  expect(said()).toBe('dispatcher: DORMOUSE_KAFKA: expected host:port[,host:port…], got "kafka"\n')
})
