/** What the environment of a process says of the Kafka it uses: variables, their reasons, and what a log is opened with. */
import { z } from 'zod'
import { parseBrokers } from '../../lib/brokers.ts'
import { ConfigError, readNamedFile } from '../../lib/environment.ts'
import type { KafkaLogOptions } from './kafka-event-log.ts'

const file = z.string().min(1).optional()

export const KAFKA_ENVIRONMENT = {
  /** Brokers to ask for the others: host:port, separated by commas. */
  DORMOUSE_KAFKA: z.string().transform((text, context) => {
    const brokers = parseBrokers(text)
    if (brokers !== undefined) return brokers
    context.addIssue({ code: 'custom', message: `expected host:port[,host:port…], got ${JSON.stringify(text)}` })
    return z.NEVER
  }),
  /** As brokers name us in their logs and quotas. */
  DORMOUSE_KAFKA_CLIENT_ID: z.string().min(1).default('dormouse'),
  /** Of topics that are made here; absent: what the brokers do by default. */
  DORMOUSE_KAFKA_REPLICATION: z.coerce.number().int().min(1).optional(),
  /** Whether retries and dead letters are stored in one transaction with the commit of their source. */
  DORMOUSE_KAFKA_TRANSACTIONS: z.enum(['true', 'false']).default('false'),
  /** Whether connections are encrypted. */
  DORMOUSE_KAFKA_TLS: z.enum(['true', 'false']).default('false'),
  /** Authorities in PEM to believe instead of the system's. */
  DORMOUSE_KAFKA_TLS_CA_FILE: file,
  /** Certificate and key in PEM, for brokers that want to know who we are by TLS. */
  DORMOUSE_KAFKA_TLS_CERT_FILE: file,
  DORMOUSE_KAFKA_TLS_KEY_FILE: file,
  /** How we say who we are; absent: not at all. */
  DORMOUSE_KAFKA_SASL: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).optional(),
  DORMOUSE_KAFKA_USERNAME: z.string().min(1).optional(),
  /** A file, because that is how secrets are mounted, and because the environment is easily printed. */
  DORMOUSE_KAFKA_PASSWORD_FILE: file,
}

export type KafkaEnvironment = z.infer<z.ZodObject<typeof KAFKA_ENVIRONMENT>>

/** Of processes that also work without: no brokers, or an empty text, as charts write it, means none. */
export const OPTIONAL_KAFKA_ENVIRONMENT = {
  ...KAFKA_ENVIRONMENT,
  DORMOUSE_KAFKA: z.preprocess((text) => (text === '' ? undefined : text), KAFKA_ENVIRONMENT.DORMOUSE_KAFKA.optional()),
}

export type OptionalKafkaEnvironment = z.infer<z.ZodObject<typeof OPTIONAL_KAFKA_ENVIRONMENT>>

/** What a log is opened with. */
export type KafkaSettings = Omit<KafkaLogOptions, 'logger'>

type ReadFile = (variable: string, path: string) => string

/** Reads the files that are named. Throws ConfigError: one cannot be read, or what belongs together is not all there. */
export function kafkaOptions(environment: KafkaEnvironment, read: ReadFile = readNamedFile): KafkaSettings {
  const { DORMOUSE_KAFKA_REPLICATION: replicationFactor } = environment
  const tls = tlsOf(environment, read)
  const sasl = saslOf(environment, read)
  return {
    brokers: environment.DORMOUSE_KAFKA,
    clientId: environment.DORMOUSE_KAFKA_CLIENT_ID,
    ...(replicationFactor !== undefined && { replicationFactor }),
    ...(environment.DORMOUSE_KAFKA_TRANSACTIONS === 'true' && { transactions: true }),
    ...(tls !== undefined && { tls }),
    ...(sasl !== undefined && { sasl }),
  }
}

/** Undefined: no brokers are named. Throws ConfigError: what only means something beside them is. */
export function optionalKafkaOptions(
  environment: OptionalKafkaEnvironment,
  read?: ReadFile,
): KafkaSettings | undefined {
  const { DORMOUSE_KAFKA: brokers } = environment
  if (brokers !== undefined) return kafkaOptions({ ...environment, DORMOUSE_KAFKA: brokers }, read)
  const alone = NEED_BROKERS.find((name) => environment[name] !== undefined && environment[name] !== 'false')
  if (alone !== undefined) throw new ConfigError(`${alone}: expected DORMOUSE_KAFKA to name brokers beside it`)
  return undefined
}

/** Whoever says how to speak to brokers means to have some. */
const NEED_BROKERS = [
  'DORMOUSE_KAFKA_TRANSACTIONS',
  'DORMOUSE_KAFKA_TLS',
  'DORMOUSE_KAFKA_TLS_CA_FILE',
  'DORMOUSE_KAFKA_TLS_CERT_FILE',
  'DORMOUSE_KAFKA_TLS_KEY_FILE',
  'DORMOUSE_KAFKA_SASL',
  'DORMOUSE_KAFKA_USERNAME',
  'DORMOUSE_KAFKA_PASSWORD_FILE',
] as const

function tlsOf(environment: KafkaEnvironment, read: ReadFile): KafkaLogOptions['tls'] {
  const variables = {
    ca: 'DORMOUSE_KAFKA_TLS_CA_FILE',
    cert: 'DORMOUSE_KAFKA_TLS_CERT_FILE',
    key: 'DORMOUSE_KAFKA_TLS_KEY_FILE',
  } as const
  const given = Object.entries(variables).flatMap(([name, variable]) => {
    const path = environment[variable]
    return path === undefined ? [] : [{ name, variable, path }]
  })
  if (environment.DORMOUSE_KAFKA_TLS === 'false') {
    // Whoever names an authority means to encrypt: going on in the clear would be a surprise.
    if (given[0] !== undefined)
      throw new ConfigError(`${given[0].variable}: expected DORMOUSE_KAFKA_TLS to be true beside it`)
    return undefined
  }
  if (
    (environment.DORMOUSE_KAFKA_TLS_CERT_FILE === undefined) !==
    (environment.DORMOUSE_KAFKA_TLS_KEY_FILE === undefined)
  )
    throw new ConfigError('DORMOUSE_KAFKA_TLS_CERT_FILE and DORMOUSE_KAFKA_TLS_KEY_FILE: expected both or none')
  if (given.length === 0) return true
  return Object.fromEntries(given.map(({ name, variable, path }) => [name, read(variable, path)]))
}

function saslOf(environment: KafkaEnvironment, read: ReadFile): KafkaLogOptions['sasl'] {
  const { DORMOUSE_KAFKA_SASL: mechanism, DORMOUSE_KAFKA_USERNAME: username } = environment
  const { DORMOUSE_KAFKA_PASSWORD_FILE: passwordFile } = environment
  if (mechanism === undefined) {
    if (username === undefined && passwordFile === undefined) return undefined
    throw new ConfigError(
      'DORMOUSE_KAFKA_SASL: expected plain, scram-sha-256 or scram-sha-512 beside a user name or password',
    )
  }
  if (username === undefined || passwordFile === undefined)
    throw new ConfigError(
      'DORMOUSE_KAFKA_USERNAME and DORMOUSE_KAFKA_PASSWORD_FILE: expected both with DORMOUSE_KAFKA_SASL',
    )
  return { mechanism, username, password: read('DORMOUSE_KAFKA_PASSWORD_FILE', passwordFile) }
}
