/** The Kafka of `dormouse dev`: the flags of the command, and for what they do not say the environment that a dispatcher reads. */
import { ConfigError } from '../../lib/environment.ts'
import { readKafkaSettings, type KafkaSettings } from '../../local/kafka-settings.ts'
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
  try {
    return readKafkaSettings({ ...environment, ...given }, cwd)
  } catch (error) {
    if (error instanceof ConfigError) throw new CliError(EXIT.usage, error.message)
    throw error
  }
}
