import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { EventLog } from '../../../events/event-log.ts'
import { openKafkaEventLog, type KafkaLogOptions } from '../../../events/kafka/kafka-event-log.ts'
import { holdFreePort } from '../../../local/free-port.ts'
import { findKafka, describeOnKafka, KAFKA_START_MS } from '../../builders/kafka-brokers.ts'
import { startLocalKafka, type LocalKafka } from '../../../scripts/kafka/local-kafka.ts'
import { QUICK } from '../../builders/kafka-bed.ts'
import { codeOf, Listener, record, unique } from '../../conformance/event-log/harness.ts'
import { eventually } from '../../builders/eventually.ts'

const run = promisify(execFile)
const HOST = '127.0.0.1'
const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const

await describeOnKafka(
  'a Kafka that wants certificates and passwords',
  () => {
    jest.setTimeout(180_000)
    const directory = mkdtempSync(join(tmpdir(), 'dormouse-kafka-keys-'))
    let kafka: LocalKafka
    let ca: string
    let secured: string
    const logs: EventLog[] = []

    beforeAll(async () => {
      const found = await findKafka()
      if (found.kind === 'missing' || found.source !== 'local') throw new Error('expected a Kafka of our own')
      ca = await makeCertificate(found.java, directory)
      const [first, door] = [await holdFreePort(HOST), await holdFreePort(HOST)]
      await Promise.all([first.release(), door.release()])
      secured = `${HOST}:${door.port}`
      const { java, jars } = found
      const wanted = settings([first.port, first.port + 1, door.port], join(directory, 'keys.p12'))
      kafka = await startLocalKafka({ java, jars, firstPort: first.port, settings: wanted })
      await addScramUser({ ...found, brokers: kafka.brokers })
    }, KAFKA_START_MS)
    afterAll(async () => {
      await Promise.all(logs.map((log) => log.close()))
      await kafka?.stop()
      rmSync(directory, { recursive: true, force: true })
    })

    function open(part: Partial<KafkaLogOptions>): EventLog {
      const log = openKafkaEventLog({ ...QUICK, brokers: [secured], timeoutMs: 5_000, ...part })
      logs.push(log)
      return log
    }

    describe.each(MECHANISMS)('with %s over TLS', (mechanism) => {
      test('is written and read', async () => {
        const log = open({ tls: { ca }, sasl: { mechanism, username: 'alice', password: 'secret' }, timeoutMs: 30_000 })
        const topic = unique('topic')
        await log.send([record(topic, 'a')])
        const listener = new Listener(log, { group: unique('group'), topics: [topic] })
        await eventually('it is read', () => listener.texts.length > 0, { withinMs: 60_000 })
        // Fetches are interrupted and their connection made anew, with a new handshake.
        listener.consumer.seek({ topic, partition: listener.records[0]!.partition }, 0)
        await eventually('it is read again', () => listener.texts.length > 1, { withinMs: 60_000 })
        await listener.commitAll('noted')
        await listener.consumer.close()
      })

      test('refuses a wrong password, which counts as unavailable', async () => {
        const log = open({ tls: { ca }, sasl: { mechanism, username: 'alice', password: 'wrong' } })
        expect(await codeOf(log.send([record(unique('topic'), 'a')]))).toBe('unavailable')
      })
    })

    test('is not believed without its authority', async () => {
      const log = open({ tls: true, sasl: { mechanism: 'plain', username: 'alice', password: 'secret' } })
      expect(await codeOf(log.describe())).toBe('unavailable')
    })
  },
  { ours: true },
)

/** As PEM; the key is beside it for the broker. */
async function makeCertificate(java: string, directory: string): Promise<string> {
  const keytool = java.includes('/') ? join(dirname(java), 'keytool') : 'keytool'
  const store = ['-keystore', join(directory, 'keys.p12'), '-storetype', 'PKCS12', '-storepass', 'changeit']
  const key = ['-alias', 'broker', '-keyalg', 'EC', '-dname', 'CN=localhost', '-ext', `SAN=ip:${HOST}`, '-ext', 'bc:c']
  await run(keytool, ['-genkeypair', ...store, ...key])
  const pem = join(directory, 'ca.pem')
  await run(keytool, ['-exportcert', '-rfc', ...store, '-alias', 'broker', '-file', pem])
  return readFileSync(pem, 'utf8')
}

/** A second door for clients; the first stays open for the broker itself and for whoever looks whether it is up. */
function settings(
  [port, controllerPort, saslPort]: readonly [number, number, number],
  keys: string,
): Record<string, string> {
  const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="secret";'
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;'
  const listener = 'listener.name.secured'
  return {
    'controller.quorum.voters': `1@${HOST}:${controllerPort}`,
    listeners: `PLAINTEXT://${HOST}:${port},CONTROLLER://${HOST}:${controllerPort},SECURED://${HOST}:${saslPort}`,
    'advertised.listeners': `PLAINTEXT://${HOST}:${port},SECURED://${HOST}:${saslPort}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL',
    [`${listener}.sasl.enabled.mechanisms`]: 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    [`${listener}.plain.sasl.jaas.config`]: plain,
    [`${listener}.scram-sha-256.sasl.jaas.config`]: scram,
    [`${listener}.scram-sha-512.sasl.jaas.config`]: scram,
    'ssl.keystore.location': keys,
    'ssl.keystore.type': 'PKCS12',
    'ssl.keystore.password': 'changeit',
  }
}

async function addScramUser({ java, jars, brokers }: { java: string; jars: string; brokers: string[] }): Promise<void> {
  const tool = ['-cp', join(jars, '*'), 'kafka.admin.ConfigCommand', '--bootstrap-server', brokers.join(',')]
  const of = ['--alter', '--entity-type', 'users', '--entity-name', 'alice']
  // One after the other: the broker takes one credential of a user per request.
  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512'])
    await run(java, [...tool, ...of, '--add-config', `${mechanism}=[password=secret]`])
}
