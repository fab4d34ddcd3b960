/** What Kafka's own console tools, which know nothing of us, see of the event path. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals'
import { eventsOf, eventTrigger } from '../../builders/event-platform.ts'
import { eventually } from '../../builders/eventually.ts'
import { describeOnKafka, findKafka, KAFKA_START_MS, sharedKafka } from '../../builders/kafka-brokers.ts'
import { functionManifest, startPlatform, type TestPlatform } from '../../builders/local-platform.ts'

jest.setTimeout(KAFKA_START_MS)

const run = promisify(execFile)
const unique = Date.now().toString(36)
const [topic, trigger, fn] = [`orders-${unique}`, `pay-${unique}`, `pay-${unique}`]
const letters = `dormouse.default.${trigger}.dlt`

await describeOnKafka(
  "Kafka's own tools see of the event path on",
  () => {
    let brokers: string[]
    let platform: TestPlatform
    const tool = async (name: string, ...args: string[]) => {
      const found = await findKafka()
      if (found.kind === 'missing' || found.source !== 'local') throw new Error('expected a Kafka with its jars')
      const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'
      const java = ['-XX:TieredStopAtLevel=1', quiet, '-cp', join(found.jars, '*'), `org.apache.kafka.tools.${name}`]
      return (await run(found.java, [...java, '--bootstrap-server', brokers.join(','), ...args])).stdout
    }

    beforeAll(async () => {
      ;({ brokers } = await sharedKafka())
      platform = await startPlatform({
        kafka: { brokers },
        manifests: [
          functionManifest(fn, `export const handler = async () => { throw new RangeError('no such currency') }`),
          eventTrigger(trigger, fn, {
            kafka: { topics: [topic] },
            retry: { maxAttempts: 2, backoff: { initial: '70ms' } },
          }),
        ],
      })
      const events = eventsOf(platform)
      await events.publish(topic, Buffer.from('{"n": 1}'), { key: 'ada' })
      const isDead = async () => (await events.deadLetters(`trigger/${trigger}`)).length === 1
      await eventually('a dead letter', isDead, { withinMs: 90_000, everyMs: 100 })
    }, KAFKA_START_MS)
    afterAll(() => platform.stop())

    it('the topics: the source, one tier for each delay, the dead letters', async () => {
      const listed = (await tool('TopicCommand', '--list')).split('\n').filter((name) => name.includes(unique))
      expect(listed.sort()).toEqual([letters, `dormouse.default.${trigger}.retry.70`, topic])
    })

    it('a dead letter with the bytes of its record, and in its headers why it is one', async () => {
      const show = ['headers', 'key'].flatMap((what) => ['--property', `print.${what}=true`])
      const options = ['--topic', letters, '--from-beginning', '--max-messages', '1', ...show]
      const [texts = '', key, value] = (await tool('consumer.ConsoleConsumer', ...options)).trimEnd().split('\t')
      expect([key, value]).toEqual(['ada', '{"n": 1}'])
      const headers = Object.fromEntries(texts.split(/,(?=[a-z_]+[a-z._-]*:)/).map((text) => text.split(/:(.*)/s)))
      expect(headers).toMatchObject({
        'dormouse-attempt': '2',
        'dormouse-delivery-id': expect.stringContaining(`${topic}-`),
        'dormouse-trigger': `default/${trigger}`,
        'dormouse-origin-topic': topic,
        'dormouse-origin-offset': '0',
        'dormouse-error-class': 'handled',
        'dormouse-error-message': 'RangeError: no such currency',
        '__dlq.errors.topic': `dormouse.default.${trigger}.retry.70`,
        '__dlq.errors.offset': '0',
        '__dlq.errors.message': expect.stringContaining('no such currency'),
      })
    })

    it('the groups, and that they have nothing left to read', async () => {
      const groups = (await tool('consumer.group.ConsumerGroupCommand', '--list')).split('\n')
      // Who only looks, as `dlq list` does, has a group for so long.
      const ours = groups.filter((name) => name.includes(trigger) && !name.includes('.redrive.')).sort()
      expect(ours).toEqual([expect.stringMatching(/\.[0-9a-f]{8}$/), `${ours[0]}-retry`])
      await eventually(
        'all committed',
        async () => {
          const described = await tool('consumer.group.ConsumerGroupCommand', '--describe', '--group', ours[0] ?? '')
          const rows = described.split('\n').filter((line) => line.includes(topic))
          const lags = rows.map((line) => line.split(/\s+/)[5])
          return rows.length > 0 && lags.every((lag) => lag === '0')
        },
        { withinMs: 30_000, everyMs: 500 },
      )
    })
  },
  { ours: true },
)
