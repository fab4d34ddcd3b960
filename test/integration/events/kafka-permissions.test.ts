import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals'
import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  Kafka,
  logLevel,
  ResourcePatternTypes,
  type AclEntry,
  type Admin,
} from 'kafkajs'
import { setTimeout as delay } from 'node:timers/promises'
import type { EventLog } from '../../../events/event-log.ts'
import { openKafkaEventLog } from '../../../events/kafka/kafka-event-log.ts'
import { holdFreePort } from '../../../local/free-port.ts'
import { startLocalKafka, type LocalKafka } from '../../../scripts/kafka/local-kafka.ts'
import { describeOnKafka, findKafka, KAFKA_START_MS } from '../../builders/kafka-brokers.ts'
import { QUICK } from '../../builders/kafka-bed.ts'
import { eventually } from '../../builders/eventually.ts'
import { Listener, record, unique, type ListenerOptions } from '../../conformance/event-log/harness.ts'

const HOST = '127.0.0.1'
const { TOPIC, GROUP, CLUSTER } = AclResourceTypes
const { READ, DESCRIBE } = AclOperationTypes
const ALICE = { mechanism: 'plain' as const, username: 'alice', password: 'secret' }

await describeOnKafka(
  'a Kafka that asks who may do what',
  () => {
    jest.setTimeout(180_000)
    let kafka: LocalKafka
    let admin: Admin
    let address: string
    let log: EventLog
    const denied: AclEntry[] = []
    const listeners: Listener[] = []

    beforeAll(async () => {
      const found = await findKafka()
      if (found.kind === 'missing' || found.source !== 'local') throw new Error('expected a Kafka of our own')
      const [first, door] = [await holdFreePort(HOST), await holdFreePort(HOST)]
      await Promise.all([first.release(), door.release()])
      const { java, jars } = found
      kafka = await startLocalKafka({ java, jars, firstPort: first.port, settings: settings(first.port, door.port) })
      admin = new Kafka({ brokers: kafka.brokers, logLevel: logLevel.NOTHING }).admin()
      await admin.connect()
      const all = [TOPIC, GROUP, CLUSTER].map((resourceType) =>
        entry({ resourceType, resourceName: resourceType === CLUSTER ? 'kafka-cluster' : '*' }),
      )
      await admin.createAcls({ acl: all })
      address = `${HOST}:${door.port}`
      log = openKafkaEventLog({ ...QUICK, brokers: [address], timeoutMs: 10_000, sasl: ALICE })
      await eventually('alice may', async () => (await log.describe(), true), { withinMs: 60_000 })
    }, KAFKA_START_MS)
    afterEach(async () => {
      await allow()
      await Promise.all(listeners.splice(0).map(({ consumer }) => consumer.close()))
    })
    afterAll(async () => {
      await log?.close()
      await admin?.disconnect()
      await kafka?.stop()
    })

    async function deny(part: Partial<AclEntry>): Promise<void> {
      const rule = entry({ ...part, permissionType: AclPermissionTypes.DENY })
      denied.push(rule)
      await admin.createAcls({ acl: denied })
      const holds = async () => (await admin.describeAcls(rule)).resources.length > 0
      await eventually('the broker to go by it', holds, { withinMs: 60_000 })
    }

    async function allow(): Promise<void> {
      if (denied.length > 0) await admin.deleteAcls({ filters: denied.splice(0) })
    }

    async function topicOf(): Promise<string> {
      const topic = unique('topic')
      await log.ensureTopics([{ topic, partitions: 1 }])
      return topic
    }

    function listen(options: ListenerOptions): Listener {
      const listener = new Listener(log, options)
      listeners.push(listener)
      return listener
    }
    const until = (what: string, holds: () => boolean) => eventually(what, holds, { withinMs: 60_000 })
    const said = ({ errors }: Listener) => [...new Set(errors.map(({ message }) => message))]
    const failure = (asked: Promise<unknown>) =>
      asked.then(
        () => 'no error',
        (error: unknown) => (error as Error).message,
      )

    test.each([
      ['read', READ, /^reading topic-\w+\/0: the broker answered TOPIC_AUTHORIZATION_FAILED$/],
      [
        'see',
        DESCRIBE,
        /^(looking for topic-\w+|reading topic-\w+\/0): the broker answered TOPIC_AUTHORIZATION_FAILED$/,
      ],
    ])(
      'a topic that we may not %s is told in one sentence, and read on when we may',
      async (_, operation, sentence) => {
        const [topic, group] = [await topicOf(), unique('group')]
        const listener = listen({ group, topics: [topic] })
        await log.send([record(topic, 'a')])
        await until('it is read', () => listener.texts.includes('a'))
        await listener.commitAll()
        await deny({ resourceName: topic, operation })
        await until('it is told', () => said(listener).length > 0)
        await delay(1_000)
        for (const each of said(listener)) expect(each).toMatch(sentence)
        await allow()
        await eventually(
          'it may be written',
          async () => (await failure(log.send([record(topic, 'b')]))) === 'no error',
        )
        await until('it is read on', () => listener.texts.includes('b'))
        expect(listener.texts).toEqual(['a', 'b'])
      },
    )

    test('a topic that we may see only later is begun where was wanted, not at its first record', async () => {
      const topic = await topicOf()
      await log.send([record(topic, 'old')])
      await deny({ resourceName: topic, operation: DESCRIBE })
      const listener = listen({ group: unique('group'), topics: [topic], startFrom: 'latest' })
      await until('it is told', () => said(listener).length > 0)
      expect(said(listener)).toEqual([`looking for ${topic}: the broker answered TOPIC_AUTHORIZATION_FAILED`])
      expect(await failure(log.endOffsets(topic))).toContain(`looking for ${topic}: the broker answered TOPIC_`)
      await allow()
      await until('it is read', () => listener.held.size > 0)
      await log.send([record(topic, 'new')])
      await until('the new one', () => listener.texts.includes('new'))
      expect(listener.texts).toEqual(['new'])
    })

    test('a group that we may not join is told as such, and joined when we may', async () => {
      const [topic, group] = [await topicOf(), unique('group')]
      await deny({ resourceType: GROUP, resourceName: group })
      const listener = listen({ group, topics: [topic] })
      expect(await failure(log.committed(group, [topic]))).toContain('Not authorized to access group')
      await until('it is told', () => said(listener).length > 0)
      expect(said(listener)).toEqual([expect.stringContaining('Not authorized to access group')])
      await allow()
      await log.send([record(topic, 'a')])
      await until('it is read', () => listener.texts.includes('a'))
    })

    test('transactional ids that are not ours are told of with what is to be allowed, and records are read when it is', async () => {
      const transactional = { ...QUICK, brokers: [address], timeoutMs: 5_000, sasl: ALICE, transactions: true }
      const own = openKafkaEventLog(transactional)
      const [topic, target, group] = [await topicOf(), await topicOf(), unique('dormouse.group')]
      await log.send([record(topic, 'a')])
      const listener = new Listener(own, { group, topics: [topic], handsOver: true })
      try {
        await until('it is told', () => said(listener).length > 0)
        expect(said(listener)).toEqual([
          expect.stringMatching(
            /^asking for the transactional id dormouse\.group-\w+\/topic-\w+\/0 failed: .*; handing records over needs Write and Describe on transactional ids that begin with "dormouse\."$/,
          ),
        ])
        expect(listener.texts).toEqual([])
        const [resourceType, resourcePatternType] = [AclResourceTypes.TRANSACTIONAL_ID, ResourcePatternTypes.PREFIXED]
        for (const operation of [AclOperationTypes.WRITE, DESCRIBE])
          await admin.createAcls({
            acl: [entry({ resourceType, resourcePatternType, resourceName: 'dormouse.', operation })],
          })
        await until('it is read', () => listener.texts.includes('a'))
        await listener.consumer.handOver?.([record(target, 'b')], { topic, partition: 0, offset: 1, metadata: '' })
        await eventually('it is committed', async () => (await log.committed(group, [topic]))[0]?.offset === 1)
      } finally {
        await own.close()
      }
    })

    test('a topic that we may not write to is told by name', async () => {
      const topic = await topicOf()
      await deny({ resourceName: topic, operation: AclOperationTypes.WRITE })
      expect(await failure(log.send([record(topic, 'a')]))).toBe(
        `a send failed: writing to ${topic}/0: the broker answered TOPIC_AUTHORIZATION_FAILED`,
      )
    })

    test('a topic whose settings we may not see is there all the same', async () => {
      const topic = await topicOf()
      await deny({ resourceName: topic, operation: AclOperationTypes.DESCRIBE_CONFIGS })
      expect(await log.describe([topic])).toEqual([{ topic, partitions: 1, retentionMs: -1 }])
    })
  },
  { ours: true },
)

function entry(part: Partial<AclEntry>): AclEntry {
  return {
    ...{ principal: 'User:alice', host: '*', operation: AclOperationTypes.ALL },
    ...{ permissionType: AclPermissionTypes.ALLOW, resourcePatternType: ResourcePatternTypes.LITERAL },
    ...{ resourceType: TOPIC, resourceName: '*', ...part },
  }
}

/** A second door for clients; through the first come the broker itself and whoever says who may do what. */
function settings(port: number, saslPort: number): Record<string, string> {
  const [own, controller] = [`PLAINTEXT://${HOST}:${port}`, `CONTROLLER://${HOST}:${port + 1}`]
  const door = `DOOR://${HOST}:${saslPort}`
  return {
    listeners: `${own},${controller},${door}`,
    'advertised.listeners': `${own},${door}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,DOOR:SASL_PLAINTEXT',
    'listener.name.door.sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.door.plain.sasl.jaas.config':
      'org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="secret";',
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:ANONYMOUS',
  }
}
