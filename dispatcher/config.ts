/** The dispatcher's environment: every variable, its default and its reason. */
import { z } from 'zod'
import { KAFKA_ENVIRONMENT } from '../events/kafka/environment.ts'
import { parseEnvironment, type Environment } from '../lib/environment.ts'
import { positiveVariable } from '../lib/environment-types.ts'
import { DATA_PLANE_ENVIRONMENT } from '../routing/environment.ts'

const environmentSchema = z.object({
  ...KAFKA_ENVIRONMENT,
  ...DATA_PLANE_ENVIRONMENT,
  /** How long what runs may go on after SIGTERM: shorter than the pod's grace period. */
  DORMOUSE_DRAIN_MS: positiveVariable(25_000),
})

export type DispatcherEnvironment = z.infer<typeof environmentSchema>

/** Throws ConfigError. */
export function readEnvironment(environment: Environment = process.env): DispatcherEnvironment {
  return parseEnvironment(environmentSchema, environment)
}
