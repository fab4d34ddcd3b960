import { resolve } from 'node:path'
import { z } from 'zod'
import { OPTIONAL_KAFKA_ENVIRONMENT, optionalKafkaOptions, type KafkaSettings } from '../events/kafka/environment.ts'
import { parseEnvironment, readNamedFile, type Environment } from '../lib/environment.ts'

export type { KafkaSettings } from '../events/kafka/environment.ts'

const environmentSchema = z.object(OPTIONAL_KAFKA_ENVIRONMENT)

/** Of the variables that a dispatcher reads; undefined: no brokers are named. Files are relative to `directory`. Throws ConfigError. */
export function readKafkaSettings(environment: Environment, directory: string): KafkaSettings | undefined {
  const read = (variable: string, path: string) => readNamedFile(variable, resolve(directory, path))
  return optionalKafkaOptions(parseEnvironment(environmentSchema, environment), read)
}
