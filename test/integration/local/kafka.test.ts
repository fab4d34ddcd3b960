/** A local instance whose events are on a real Kafka. */
import { afterEach, beforeAll, expect, jest, test } from '@jest/globals'
import { openKafkaEventLog } from '../../../events/kafka/kafka-event-log.ts'
import { createLogger, silentLogger, type LogRecord } from '../../../lib/logger.ts'
import { holdFreePort } from '../../../local/free-port.ts'
import { eventsOf, eventTrigger } from '../../builders/event-platform.ts'
import { eventually } from '../../builders/eventually.ts'
import {
  describeOnKafka,
  KAFKA_START_MS,
  kafkaForTests,
  sharedKafka,
  type TestKafka,
} from '../../builders/kafka-brokers.ts'
import { functionManifest, startPlatform, type TestPlatform } from '../../builders/local-platform.ts'
import { createWitness } from '../faults/witness.ts'

jest.setTimeout(KAFKA_START_MS)

const unique = `-${Date.now().toString(36)}`
let platform: TestPlatform | undefined
afterEach(async () => {
  await platform?.stop()
  platform = undefined
})

await describeOnKafka('a local instance on', () => {
  let brokers: string[]
  beforeAll(async () => {
    ;({ brokers } = await sharedKafka())
  })

  test('takes records from the topics of Kafka, retries there, and keeps dead letters there', async () => {
    const witness = createWitness()
    const [topic, trigger, fn] = [`food${unique}`, `meals${unique}`, `eat${unique}`]
    platform = await startPlatform({
      kafka: { brokers },
      manifests: [
        functionManifest(
          fn,
          `${witness.code}export const handler = async (event) => { begun(event.dish); if (event.dish === 'stone') throw new Error('too hard') }`,
        ),
        eventTrigger(trigger, fn, {
          kafka: { topics: [topic] },
          retry: { maxAttempts: 2, backoff: { initial: '50ms' } },
        }),
      ],
    })
    const events = eventsOf(platform)
    await events.publish(topic, { dish: 'soup' })
    await events.publish(topic, { dish: 'stone' }, { key: 'k' })
    const [letter] = await eventually(
      'a dead letter',
      async () => {
        const letters = await events.deadLetters(`trigger/${trigger}`)
        return letters.length === 1 && letters
      },
      { withinMs: 30_000, everyMs: 100 },
    )
    expect(letter).toMatchObject({ message: 'Error: too hard', attempts: 2, key: { text: 'k' } })
    expect(witness.begun().sort()).toEqual(['soup', 'stone', 'stone'])
    const log = openKafkaEventLog({ brokers, logger: silentLogger })
    const made = (await log.describe()).map((each) => each.topic).filter((name) => name.includes(unique))
    await log.close()
    witness.remove()
    expect(made.sort()).toEqual([`dormouse.default.${trigger}.dlt`, `dormouse.default.${trigger}.retry.50`, topic])
  })

  test('tells functions in Lambda’s Kafka event which brokers it reads from', async () => {
    const witness = createWitness()
    const [topic, fn] = [`batches${unique}`, `batch${unique}`]
    platform = await startPlatform({
      kafka: { brokers },
      manifests: [
        functionManifest(
          fn,
          `${witness.code}export const handler = async ({ bootstrapServers }) => void begun(bootstrapServers)`,
        ),
        eventTrigger(`of-${topic}`, fn, { kafka: { topics: [topic], batch: { size: 2, window: '10ms' } } }),
      ],
    })
    await eventsOf(platform).publish(topic, {})
    await eventually('it is called', () => witness.begun().length > 0, { withinMs: 30_000, everyMs: 50 })
    expect(witness.begun()).toEqual([brokers.join(',')])
    witness.remove()
  })

  test('tells what became of an asynchronous invocation', async () => {
    const fn = `sum${unique}`
    platform = await startPlatform({
      kafka: { brokers },
      manifests: [functionManifest(fn, 'export const handler = async ({ a, b }) => a + b')],
    })
    const events = eventsOf(platform)
    const id = await events.invokeLater(fn, { a: 1, b: 2 })
    expect(await events.ended(id)).toMatchObject({ status: 'succeeded', attempts: 1 })
  })
})

test('a Kafka that is not there leaves HTTP as it is, and events are answered with 503, said in one sentence', async () => {
  const nowhere = await holdFreePort('127.0.0.1')
  await nowhere.release()
  const said: LogRecord[] = []
  platform = await startPlatform({
    kafka: { brokers: [`127.0.0.1:${nowhere.port}`] },
    logger: createLogger({ level: 'warn', sink: (record) => void said.push(record) }),
    manifests: [functionManifest('hello', 'export const handler = async () => "hi"')],
  })
  expect(await (await platform.invoke('hello')).json()).toBe('hi')
  const [later, published] = await Promise.all([
    platform.invoke('hello', {}, { 'dormouse-invocation-type': 'Event' }),
    fetch(`${platform.internalUrl}/topics/orders`, { method: 'POST', body: '{}' }),
  ])
  expect([later.status, published.status]).toEqual([503, 503])
  const about = said.filter(({ message }) => message.startsWith('Kafka at'))
  expect(about.map(({ message }) => message)).toEqual([
    expect.stringMatching(/^Kafka at \S+ cannot be reached, trying on; meanwhile HTTP is served/),
  ])
  // The sentence, one of the consumers, one of what cannot be set up.
  expect(said.length).toBeLessThanOrEqual(4)
})

await describeOnKafka(
  'a Kafka that comes late,',
  () => {
    let kafka: TestKafka | undefined
    afterEach(() => kafka?.stop())

    test('is used as soon as it is there', async () => {
      const own = (kafka = await kafkaForTests())
      await own.kill(1)
      const said: string[] = []
      platform = await startPlatform({
        kafka: { brokers: own.brokers },
        logger: createLogger({ level: 'warn', sink: ({ message }) => void said.push(message) }),
        manifests: [functionManifest('hello', 'export const handler = async () => "hi"')],
      })
      await eventually('the sentence', () => said.some((text) => text.includes('cannot be reached')))
      await own.start(1)
      const events = eventsOf(platform)
      const id = await eventually('accepted', () => events.invokeLater('hello'), { withinMs: 30_000 })
      expect(await events.ended(id)).toMatchObject({ status: 'succeeded' })
      await eventually('the other sentence', () => said.some((text) => text.includes('answers now')), {
        withinMs: 30_000,
      })
    })
  },
  { ours: true },
)
