import { describe, expect, it } from '@jest/globals'
import { readEnvironment } from '../../../dispatcher/config.ts'
import { kafkaOptions } from '../../../events/kafka/environment.ts'

const NEEDED = {
  DORMOUSE_KAFKA: 'k1:9092, [::1]:9093',
  DORMOUSE_CONTROLLERS: 'http://10.0.0.1:8082',
  DORMOUSE_TOKEN_FILE: '/token',
}
const options = (more: Record<string, string>) =>
  kafkaOptions(readEnvironment({ ...NEEDED, ...more }), (_, path) => `text of ${path}`)

describe('the environment of a dispatcher', () => {
  it('needs brokers, controllers and a token file, and no more', () => {
    expect(readEnvironment(NEEDED)).toMatchObject({ DORMOUSE_MANAGEMENT_PORT: 9090, DORMOUSE_DRAIN_MS: 25_000 })
    expect(options({})).toEqual({ brokers: ['k1:9092', '[::1]:9093'], clientId: 'dormouse' })
  })

  it.each(['', 'kafka', 'kafka:', 'http://kafka:9092', 'a:1,,b'])('refuses %j as brokers', (text) => {
    expect(() => readEnvironment({ ...NEEDED, DORMOUSE_KAFKA: text })).toThrow('DORMOUSE_KAFKA: expected host:port')
  })

  it('says by which authorities, and with which certificate, connections are encrypted', () => {
    expect(options({ DORMOUSE_KAFKA_TLS: 'true' })).toMatchObject({ tls: true })
    expect(
      options({
        DORMOUSE_KAFKA_TLS: 'true',
        DORMOUSE_KAFKA_TLS_CA_FILE: '/ca',
        DORMOUSE_KAFKA_TLS_CERT_FILE: '/cert',
        DORMOUSE_KAFKA_TLS_KEY_FILE: '/key',
      }),
    ).toMatchObject({ tls: { ca: 'text of /ca', cert: 'text of /cert', key: 'text of /key' } })
  })

  it('says who we are by a user name and a file with the password', () => {
    const variables = { DORMOUSE_KAFKA_SASL: 'scram-sha-512', DORMOUSE_KAFKA_USERNAME: 'dormouse' }
    expect(options({ ...variables, DORMOUSE_KAFKA_PASSWORD_FILE: '/password' })).toMatchObject({
      sasl: { mechanism: 'scram-sha-512', username: 'dormouse', password: 'text of /password' },
    })
  })

  it.each([
    [{ DORMOUSE_KAFKA_TLS_CA_FILE: '/ca' }, 'expected DORMOUSE_KAFKA_TLS to be true'],
    [{ DORMOUSE_KAFKA_TLS: 'true', DORMOUSE_KAFKA_TLS_CERT_FILE: '/cert' }, 'expected both or none'],
    [{ DORMOUSE_KAFKA_SASL: 'plain', DORMOUSE_KAFKA_USERNAME: 'u' }, 'expected both with DORMOUSE_KAFKA_SASL'],
    [{ DORMOUSE_KAFKA_PASSWORD_FILE: '/p' }, 'DORMOUSE_KAFKA_SASL: expected plain'],
  ])('does not go on with half of what belongs together: %j', (more, message) => {
    expect(() => options(more)).toThrow(message)
  })
})
