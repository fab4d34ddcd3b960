/** The Kafka of `dormouse dev`: the flags of the command, and for what they do not say the environment that a dispatcher reads. */
import { resolve } from 'node:path'
import { z } from 'zod'
import { OPTIONAL_KAFKA_ENVIRONMENT, optionalKafkaOptions, type KafkaSettings } from '../../events/kafka/environment.ts'
import { ConfigError, parseEnvironment, readNamedFile } from '../../lib/environment.ts'
import { CliError } from '../cli-error.ts'
import type { CliContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'

/** As commander names them. */
export interface KafkaFlags {
  kafka?: string[]
  kafkaTls?: boolean
  kafkaTlsCaFile?: string
  kafkaTlsCertFile?: string
  kafkaTlsKeyFile?: string
  kafkaSasl?: string
  kafkaUsername?: string
  kafkaPasswordFile?: string
}

const environmentSchema = z.object(OPTIONAL_KAFKA_ENVIRONMENT)

/** Undefined: events are kept in the state directory. Throws CliError: half of what belongs together, or a file that cannot be read. */
export function kafkaSettings(
  flags: KafkaFlags,
  { environment, cwd }: Pick<CliContext, 'environment' | 'cwd'>,
): KafkaSettings | undefined {
  const said = {
    DORMOUSE_KAFKA: flags.kafka?.join(','),
    DORMOUSE_KAFKA_TLS: flags.kafkaTls === undefined ? undefined : String(flags.kafkaTls),
    DORMOUSE_KAFKA_TLS_CA_FILE: flags.kafkaTlsCaFile,
    DORMOUSE_KAFKA_TLS_CERT_FILE: flags.kafkaTlsCertFile,
    DORMOUSE_KAFKA_TLS_KEY_FILE: flags.kafkaTlsKeyFile,
    DORMOUSE_KAFKA_SASL: flags.kafkaSasl,
    DORMOUSE_KAFKA_USERNAME: flags.kafkaUsername,
    DORMOUSE_KAFKA_PASSWORD_FILE: flags.kafkaPasswordFile,
  }
  const given = Object.fromEntries(Object.entries(said).filter(([, text]) => text !== undefined))
  const read = (variable: string, path: string) => readNamedFile(variable, resolve(cwd, path))
  try {
    return optionalKafkaOptions(parseEnvironment(environmentSchema, { ...environment, ...given }), read)
  } catch (error) {
    if (error instanceof ConfigError) throw new CliError(EXIT.usage, error.message)
    throw error
  }
}
