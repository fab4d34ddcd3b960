/** The gateway's environment: every variable, its default and its reason. */
import { hostname } from 'node:os'
import { z } from 'zod'
import { parseEnvironment, type Environment } from '../lib/environment.ts'
import { baseUrlsVariable, logLevelVariable, portVariable, positiveVariable } from '../lib/environment-types.ts'
import { DEFAULT_LIMITS } from './gateway.ts'

const environmentSchema = z.object({
  /** Base URLs of all controller replicas, separated by commas: the feed comes from one, load goes to all. */
  DORMOUSE_CONTROLLERS: baseUrlsVariable,
  /** File with the token that controllers verify; a file, because projected tokens rotate. */
  DORMOUSE_TOKEN_FILE: z.string().min(1),
  /** Names this gateway in load reports: must differ between replicas, and a pod's host name does. */
  DORMOUSE_REPORTER: z.string().min(1).default(hostname()),
  /** Address to listen on. */
  DORMOUSE_LISTEN_HOST: z.string().default('0.0.0.0'),
  /** For the internet: http Triggers only. */
  DORMOUSE_PUBLIC_PORT: portVariable(8080),
  /** For the cluster: every function. */
  DORMOUSE_INTERNAL_PORT: portVariable(8081),
  /** For operators: health, metrics, API. */
  DORMOUSE_MANAGEMENT_PORT: portVariable(9090),
  /** Requests that may wait per function: each holds a connection. */
  DORMOUSE_QUEUE_LIMIT: positiveVariable(DEFAULT_LIMITS.queueLimit),
  /** Longest wait for a pod: shorter than the time-outs of load balancers in front. */
  DORMOUSE_WAIT_LIMIT_MS: positiveVariable(DEFAULT_LIMITS.waitLimitMs),
  /** Largest body streamed to `http` functions: against filling pods. */
  DORMOUSE_MAX_BODY_BYTES: positiveVariable(DEFAULT_LIMITS.maxBodyBytes),
  /** How long a drain may take on SIGTERM: shorter than the pod's grace period. */
  DORMOUSE_DRAIN_MS: positiveVariable(25_000),
  DORMOUSE_LOG_LEVEL: logLevelVariable,
})

export type GatewayEnvironment = z.infer<typeof environmentSchema>

export function readEnvironment(environment: Environment = process.env): GatewayEnvironment {
  return parseEnvironment(environmentSchema, environment)
}
