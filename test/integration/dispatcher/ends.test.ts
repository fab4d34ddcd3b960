/** `dispatcher/main.ts` told to end while its Kafka does not answer: whatever it waits for, it ends in time. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals'
import { DISPATCHER_END_MS } from '../../../dispatcher/dispatcher-process.ts'
import { openKafkaEventLog } from '../../../events/kafka/kafka-event-log.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { eventually } from '../../builders/eventually.ts'
import { feedFunction, feedSubscription } from '../../builders/feed.ts'
import { describeOnKafka, KAFKA_START_MS, kafkaForTests, type TestKafka } from '../../builders/kafka-brokers.ts'
import { FAKE_TOKEN, FakeController } from '../../fakes/fake-controller.ts'
import { FakePod } from '../../fakes/fake-pod.ts'

jest.setTimeout(180_000)

const MAIN = new URL('../../../dispatcher/main.ts', import.meta.url).pathname
const DRAIN_MS = 2_000
const TOPIC = 'orders'
/** Of a process on a busy machine; one that waits for what does not answer would be there for ever. */
const LATE_MS = 15_000

await describeOnKafka(
  'a dispatcher that is told to end on',
  () => {
    const directory = mkdtempSync(join(tmpdir(), 'dormouse-ends-'))
    const children: ChildProcess[] = []
    let kafka: TestKafka
    let controller: FakeController
    let pod: FakePod
    beforeAll(async () => {
      kafka = await kafkaForTests()
      writeFileSync(join(directory, 'token'), FAKE_TOKEN)
      controller = await FakeController.start()
      controller.setFunctions(feedFunction({ signature: 'event' }))
      pod = await FakePod.start()
      controller.addEndpoints(pod.endpoint)
      controller.setSubscriptions(feedSubscription({ topics: [TOPIC] }))
    }, KAFKA_START_MS)
    afterEach(() => {
      for (const child of children.splice(0)) if (child.exitCode === null) child.kill('SIGKILL')
      kafka.thaw(1)
    })
    afterAll(async () => {
      await Promise.all([controller?.stop(), pod?.stop(), kafka?.stop()])
      rmSync(directory, { recursive: true, force: true })
    })

    function run() {
      const env = {
        ...{ DORMOUSE_KAFKA: kafka.brokers.join(','), DORMOUSE_CONTROLLERS: controller.url },
        ...{ DORMOUSE_TOKEN_FILE: join(directory, 'token'), DORMOUSE_DRAIN_MS: String(DRAIN_MS) },
        ...{ DORMOUSE_LISTEN_HOST: '127.0.0.1', DORMOUSE_MANAGEMENT_PORT: '0' },
      }
      const child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'ignore', 'pipe'] })
      children.push(child)
      let text = ''
      child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
      const ended = once(child, 'close') as Promise<[number | null, string | null]>
      return { child, said: () => text, ended }
    }

    /** Reads, and has delivered. */
    async function running() {
      const dispatcher = run()
      const log = openKafkaEventLog({ brokers: kafka.brokers, logger: silentLogger })
      const before = pod.seen.length
      await log.send([{ topic: TOPIC, key: null, value: Buffer.from('1'), headers: [] }])
      await log.close()
      await eventually('delivered', () => pod.seen.length > before, { withinMs: 90_000 })
      return dispatcher
    }

    async function endsInTime({ child, said, ended }: ReturnType<typeof run>) {
      const toldAt = performance.now()
      child.kill('SIGTERM')
      const [code, signal] = await ended
      expect({ signal, said: said() }).toMatchObject({ signal: null })
      expect(performance.now() - toldAt).toBeLessThan(DRAIN_MS + DISPATCHER_END_MS + LATE_MS)
      return code
    }

    test('ends with 0 when all is well', async () => {
      const dispatcher = await running()
      const code = await endsInTime(dispatcher)
      expect({ code, said: dispatcher.said() }).toMatchObject({ code: 0 })
    })

    test('ends in time when the broker stops answering first, and names what was left', async () => {
      const dispatcher = await running()
      kafka.freeze(1)
      await endsInTime(dispatcher)
      expect(dispatcher.said()).toMatch(/expected .* to end within|did not end cleanly|commit failed|unfinished/)
    })

    test('ends in time when it is told so while it starts, and the broker answers nobody', async () => {
      kafka.freeze(1)
      const dispatcher = run()
      await eventually('it listens', () => dispatcher.said().includes('dispatcher listens'), { withinMs: 90_000 })
      await endsInTime(dispatcher)
    })

    test('ends in time when it is told so before it listens', async () => {
      const { child, ended } = run()
      // As early as it hears of it: before that the default is to end at once.
      const telling = setInterval(() => child.kill('SIGTERM'), 20)
      const [code, signal] = await ended
      clearInterval(telling)
      expect([code, signal]).not.toEqual([null, 'SIGKILL'])
    })
  },
  { ours: true },
)
