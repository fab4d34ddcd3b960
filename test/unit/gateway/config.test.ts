import { expect, test } from '@jest/globals'
import { optionalKafkaOptions } from '../../../events/kafka/environment.ts'
import { readHead } from '../../../gateway/proxy/request-head.ts'
import { readEnvironment } from '../../../gateway/config.ts'

const NEEDED = { DORMOUSE_CONTROLLERS: 'http://10.0.0.1:8082, http://10.0.0.2:8082', DORMOUSE_TOKEN_FILE: '/token' }

test('controllers and a token file are enough', () => {
  expect(readEnvironment(NEEDED)).toMatchObject({
    DORMOUSE_CONTROLLERS: ['http://10.0.0.1:8082', 'http://10.0.0.2:8082'],
    DORMOUSE_PUBLIC_PORT: 8080,
    DORMOUSE_INTERNAL_PORT: 8081,
    DORMOUSE_MANAGEMENT_PORT: 9090,
  })
})

test.each([
  [{}, undefined],
  [{ DORMOUSE_KAFKA: '' }, undefined],
  [{ DORMOUSE_KAFKA: '', DORMOUSE_KAFKA_TLS: 'false' }, undefined],
  [
    { DORMOUSE_KAFKA: 'k:9092', DORMOUSE_KAFKA_TLS: 'true' },
    { brokers: ['k:9092'], clientId: 'dormouse', tls: true },
  ],
])('a Kafka may be there or not: %j', (variables, want) => {
  expect(optionalKafkaOptions(readEnvironment({ ...NEEDED, ...variables }))).toEqual(want)
})

test('what only means something beside brokers is a mistake without', () => {
  const options = () => optionalKafkaOptions(readEnvironment({ ...NEEDED, DORMOUSE_KAFKA_SASL: 'plain' }))
  expect(options).toThrow('DORMOUSE_KAFKA_SASL: expected DORMOUSE_KAFKA to name brokers beside it')
})

test.each([
  [{}, '9.9.9.9, 10.0.0.2', '10.0.0.1'],
  [{ DORMOUSE_TRUSTED_PROXIES: '*' }, '9.9.9.9, 10.0.0.2', '10.0.0.1'],
  [{ DORMOUSE_TRUSTED_PROXIES: 'none' }, undefined, '10.0.0.1'],
  [{ DORMOUSE_TRUSTED_PROXIES: '10.0.0.1, 10.0.0.2' }, '9.9.9.9, 10.0.0.2', '9.9.9.9'],
])('proxies that are trusted: %j', (variables, forwardedFor, client) => {
  const { DORMOUSE_TRUSTED_PROXIES: proxies } = readEnvironment({ ...NEEDED, ...variables })
  const head = readHead(['x-forwarded-for', '9.9.9.9, 10.0.0.2'])
  expect([proxies.clientOf(head, '10.0.0.1'), head.forwardedFor]).toEqual([client, forwardedFor])
})

test('every mistake is named with what was expected', () => {
  const read = () => readEnvironment({ DORMOUSE_CONTROLLERS: 'controller:8082', DORMOUSE_PUBLIC_PORT: '99999' })
  expect(read).toThrow('DORMOUSE_CONTROLLERS: expected base URLs separated by commas, got "controller:8082"')
  expect(read).toThrow('DORMOUSE_TOKEN_FILE')
  expect(read).toThrow('DORMOUSE_PUBLIC_PORT')
  const proxies = () => readEnvironment({ ...NEEDED, DORMOUSE_TRUSTED_PROXIES: '10.0.0.0/8, lb' })
  expect(proxies).toThrow('DORMOUSE_TRUSTED_PROXIES: expected an address or a CIDR block, such as 10.0.0.0/8, got "lb"')
})
