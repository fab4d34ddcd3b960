import { expect, test } from '@jest/globals'
import { optionalKafkaOptions } from '../../../events/kafka/environment.ts'
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

test('every mistake is named with what was expected', () => {
  const read = () => readEnvironment({ DORMOUSE_CONTROLLERS: 'controller:8082', DORMOUSE_PUBLIC_PORT: '99999' })
  expect(read).toThrow('DORMOUSE_CONTROLLERS: expected base URLs separated by commas, got "controller:8082"')
  expect(read).toThrow('DORMOUSE_TOKEN_FILE')
  expect(read).toThrow('DORMOUSE_PUBLIC_PORT')
})
