import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from '@jest/globals'
import { kafkaSettings, type KafkaFlags } from '../../../../cli/dev/kafka-settings.ts'

const cwd = mkdtempSync(join(tmpdir(), 'dormouse-kafka-flags-'))
writeFileSync(join(cwd, 'password'), 'secret\n')
writeFileSync(join(cwd, 'ca.pem'), 'authority')
afterAll(() => rmSync(cwd, { recursive: true }))

const settings = (flags: KafkaFlags, environment: Record<string, string> = {}) =>
  kafkaSettings(flags, { environment, cwd })

test('without brokers events are kept in the state directory', () => {
  expect([settings({}), settings({}, { DORMOUSE_KAFKA: '' })]).toEqual([undefined, undefined])
})

test('brokers, TLS and who we are come from flags, files among them relative to the working directory', () => {
  const flags = { kafkaTls: true, kafkaTlsCaFile: 'ca.pem', kafkaSasl: 'scram-sha-512', kafkaUsername: 'ada' }
  expect(settings({ kafka: ['a:1', 'b:2'], ...flags, kafkaPasswordFile: 'password' })).toEqual({
    ...{ brokers: ['a:1', 'b:2'], clientId: 'dormouse', tls: { ca: 'authority' } },
    sasl: { mechanism: 'scram-sha-512', username: 'ada', password: 'secret' },
  })
})

test('what flags do not say the environment says, by the names a dispatcher knows', () => {
  const own = { DORMOUSE_KAFKA_REPLICATION: '3', DORMOUSE_KAFKA_TRANSACTIONS: 'true' }
  const environment = { DORMOUSE_KAFKA: 'a:1', DORMOUSE_KAFKA_TLS: 'true', ...own }
  expect(settings({ kafka: ['b:2'] }, environment)).toEqual({
    ...{ brokers: ['b:2'], clientId: 'dormouse', tls: true, replicationFactor: 3, transactions: true },
  })
})

test.each<[string, KafkaFlags, Record<string, string>]>([
  ['DORMOUSE_KAFKA: expected host:port[,host:port…], got "localhost"', {}, { DORMOUSE_KAFKA: 'localhost' }],
  ['DORMOUSE_KAFKA_TLS: expected DORMOUSE_KAFKA to name brokers', { kafkaTls: true }, {}],
  ['DORMOUSE_KAFKA_PASSWORD_FILE: expected DORMOUSE_KAFKA to name brokers', { kafkaPasswordFile: 'password' }, {}],
  ['expected both with DORMOUSE_KAFKA_SASL', { kafka: ['a:1'], kafkaSasl: 'plain', kafkaUsername: 'ada' }, {}],
  ['expected DORMOUSE_KAFKA_TLS to be true', { kafka: ['a:1'], kafkaTlsCaFile: 'ca.pem' }, {}],
  ['nowhere cannot be read', { kafka: ['a:1'], kafkaTls: true, kafkaTlsCaFile: 'nowhere' }, {}],
])('half of what belongs together is a mistake in the command: %s', (message, flags, environment) => {
  expect(() => settings(flags, environment)).toThrow(message)
  expect(() => settings(flags, environment)).toThrow(expect.objectContaining({ exitCode: 2 }))
})
