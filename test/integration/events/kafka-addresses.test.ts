import { expect, test } from '@jest/globals'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { EventLog } from '../../../events/event-log.ts'
import { KafkaClient } from '../../../events/kafka/kafka-client.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { numbers, record, unique } from '../../conformance/event-log/harness.ts'
import { QUICK, useKafkaBed } from '../../builders/kafka-bed.ts'
import { describeOnKafka } from '../../builders/kafka-brokers.ts'

const PARTITIONS = 6

await describeOnKafka(
  'brokers of a real Kafka that come back under other addresses',
  () => {
    const bed = useKafkaBed({ nodes: 3 })

    const propertiesOf = (node: number) => join(dirname(bed.kafka.dataOf(node)), 'server.properties')

    async function restart(nodes: readonly number[], change: (properties: string, node: number) => string) {
      await Promise.all(nodes.map((node) => bed.kafka.kill(node)))
      for (const node of nodes) {
        const file = propertiesOf(node)
        writeFileSync(file, change(readFileSync(file, 'utf8'), node))
      }
      await Promise.all(nodes.map((node) => bed.kafka.start(node)))
    }

    /** One in each partition. */
    const sendTo = (log: EventLog, topic: string, texts: readonly string[]) =>
      log.send(texts.map((text, partition) => record(topic, text, { partition })))

    /** Reads, writes, commits, and stays in its group for longer than a session without heartbeats would last. */
    async function worksOn(log: EventLog, change: () => Promise<void>) {
      const topic = await bed.topicOf(PARTITIONS)
      const group = unique('group')
      const listener = bed.listen({ group, topics: [topic] }, log)
      listener.beforeLetGo = () => listener.commitAll().catch(() => undefined)
      const first = numbers(PARTITIONS).map((n) => `first ${n}`)
      await sendTo(log, topic, first)
      await bed.until(() => expect(listener.texts).toEqual(expect.arrayContaining(first)))
      await listener.commitAll()
      await change()
      const second = numbers(PARTITIONS).map((n) => `second ${n}`)
      await bed.until(() => expect(listener.held.size).toBe(PARTITIONS), 60_000)
      await sendTo(log, topic, second)
      await bed.until(() => expect(listener.texts).toEqual(expect.arrayContaining(second)), 60_000)
      const rebalances = listener.assigned.length
      await delay(QUICK.sessionTimeoutMs + 2_000)
      expect(listener.assigned).toHaveLength(rebalances)
      await listener.commitAll()
      expect((await log.endOffsets(topic)).map(({ end }) => end)).toEqual(first.map(() => 2))
    }

    test('with each other’s are found: who reads, writes and is in a group goes on', async () => {
      const { brokers } = bed.kafka
      await worksOn(bed.log, () =>
        restart([1, 2, 3], (properties, node) =>
          properties.replaceAll(`PLAINTEXT://${brokers[node - 1]}`, `PLAINTEXT://${brokers[node % brokers.length]}`),
        ),
      )
    })
  },
  { ours: true },
)

await describeOnKafka(
  'a broker of a real Kafka that is away for longer than a session, and comes back',
  () => {
    const bed = useKafkaBed()

    /** Under another address. */
    async function front(): Promise<{ address: string; close: () => Promise<void> }> {
      const [, port] = bed.kafka.brokers[0]!.split(':')
      const sockets = new Set<Socket>()
      const server: Server = createServer((from) => {
        const to = connect({ host: '127.0.0.1', port: Number(port) })
        for (const [socket, other] of [
          [from, to],
          [to, from],
        ] as const) {
          sockets.add(socket)
          socket.on('error', () => undefined)
          socket.on('close', () => other.destroy())
          socket.pipe(other)
        }
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const { port: own } = server.address() as { port: number }
      const close = async () => {
        sockets.forEach((socket) => socket.destroy())
        await new Promise((resolve) => server.close(resolve))
      }
      return { address: `127.0.0.1:${own}`, close }
    }

    async function advertise(address: string): Promise<void> {
      const file = join(dirname(bed.kafka.dataOf(1)), 'server.properties')
      const properties = readFileSync(file, 'utf8')
      writeFileSync(
        file,
        properties.replace(/^advertised\.listeners=.*$/m, `advertised.listeners=PLAINTEXT://${address}`),
      )
      await bed.kafka.start(1)
    }

    test('under another address is found by the name that was given at first', async () => {
      const [before, after] = [await front(), await front()]
      const client = new KafkaClient({ brokers: bed.kafka.brokers, logger: silentLogger })
      try {
        await bed.kafka.kill(1)
        await advertise(before.address)
        const log = bed.open()
        const topic = unique('topic')
        await log.ensureTopics([{ topic, partitions: 1 }])
        const group = unique('group')
        const listener = bed.listen({ group, topics: [topic] }, log)
        await log.send([record(topic, 'a')])
        await bed.until(() => expect(listener.texts).toEqual(['a']))
        await listener.commitAll()
        await client.topics([topic])
        await client.coordinator(group)
        await bed.kafka.kill(1)
        await before.close()
        await delay(QUICK.sessionTimeoutMs + 2_000)
        await advertise(after.address)
        await log.send([record(topic, 'b')])
        await bed.until(() => expect(listener.texts.at(-1)).toBe('b'), 60_000)
        // At the first try: who reads would wait for its next one for ten seconds.
        expect(await client.coordinator(group)).toMatchObject({ nodeId: 1 })
      } finally {
        await client.close()
        await Promise.all([before.close().catch(() => undefined), after.close()])
      }
    })
  },
  { ours: true },
)
