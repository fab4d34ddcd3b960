/** The dispatcher's environment: every variable, its default and its reason. */
import { hostname } from 'node:os'
import { z } from 'zod'
import { KAFKA_ENVIRONMENT } from '../events/kafka/environment.ts'
import { parseEnvironment, type Environment } from '../lib/environment.ts'
import { baseUrlsVariable, logLevelVariable, portVariable, positiveVariable } from '../lib/environment-types.ts'

const environmentSchema = z.object({
  ...KAFKA_ENVIRONMENT,
  /** Base URLs of all controller replicas, separated by commas: the feed comes from one, load goes to all. */
  DORMOUSE_CONTROLLERS: baseUrlsVariable,
  /** File with the token that controllers verify; a file, because projected tokens rotate. */
  DORMOUSE_TOKEN_FILE: z.string().min(1),
  /** Names this dispatcher in load reports: must differ between replicas, and a pod's host name does. */
  DORMOUSE_REPORTER: z.string().min(1).default(hostname()),
  /** Address to listen on. */
  DORMOUSE_LISTEN_HOST: z.string().default('0.0.0.0'),
  /** For operators: health, metrics, API. */
  DORMOUSE_MANAGEMENT_PORT: portVariable(9090),
  /** How long what runs may go on after SIGTERM: shorter than the pod's grace period. */
  DORMOUSE_DRAIN_MS: positiveVariable(25_000),
  DORMOUSE_LOG_LEVEL: logLevelVariable,
})

export type DispatcherEnvironment = z.infer<typeof environmentSchema>

/** Throws ConfigError. */
export function readEnvironment(environment: Environment = process.env): DispatcherEnvironment {
  return parseEnvironment(environmentSchema, environment)
}
