/** The gateway's environment: every variable, its default and its reason. */
import { z } from 'zod'
import { OPTIONAL_KAFKA_ENVIRONMENT } from '../events/kafka/environment.ts'
import { errorText } from '../lib/error-text.ts'
import { parseEnvironment, type Environment } from '../lib/environment.ts'
import { durationVariable, portVariable, positiveVariable } from '../lib/environment-types.ts'
import { DATA_PLANE_ENVIRONMENT } from '../routing/environment.ts'
import { DEFAULT_LIMITS } from './gateway.ts'
import { ANY_PROXY, trustedProxies, type TrustedProxies } from './proxy/trusted-proxies.ts'

function readProxies(text: string, context: z.RefinementCtx): TrustedProxies {
  const ranges = text.split(',').map((range) => range.trim())
  if (ranges.includes('*')) return ANY_PROXY
  try {
    return trustedProxies(text.trim() === 'none' ? [] : ranges)
  } catch (error) {
    context.addIssue({ code: 'custom', message: errorText(error) })
    return z.NEVER
  }
}

const environmentSchema = z.object({
  ...DATA_PLANE_ENVIRONMENT,
  /** For asynchronous invocations and topics; without, they are answered with 503. */
  ...OPTIONAL_KAFKA_ENVIRONMENT,
  /** For the internet: http Triggers only. */
  DORMOUSE_PUBLIC_PORT: portVariable(8080),
  /** For the cluster: every function. */
  DORMOUSE_INTERNAL_PORT: portVariable(8081),
  /** Proxies in front of the public listener, whose forwarding headers count: addresses and CIDR blocks, comma-separated; `*`: every one, `none`: nobody. */
  DORMOUSE_TRUSTED_PROXIES: z.string().default('*').transform(readProxies),
  /** Requests that may wait per function: each holds a connection. */
  DORMOUSE_QUEUE_LIMIT: positiveVariable(DEFAULT_LIMITS.queueLimit),
  /** Longest wait for a pod: shorter than the time-outs of load balancers in front. */
  DORMOUSE_WAIT_LIMIT_MS: positiveVariable(DEFAULT_LIMITS.waitLimitMs),
  /** Largest body streamed to `http` functions: against filling pods. */
  DORMOUSE_MAX_BODY_BYTES: positiveVariable(DEFAULT_LIMITS.maxBodyBytes),
  /** Bodies for `event` functions behind http Triggers that are held at once, all together: a third of the memory this process may have for them. */
  DORMOUSE_HELD_BODY_BYTES: positiveVariable(DEFAULT_LIMITS.heldBodyBytes),
  /** After SIGTERM everything is served on for so long, until clients and load balancers have noticed; 0: nothing new is taken at once. */
  DORMOUSE_LINGER_MS: durationVariable(5_000),
  /** How long what runs then may go on: with the time above shorter than the pod's grace period. */
  DORMOUSE_DRAIN_MS: positiveVariable(25_000),
})

export type GatewayEnvironment = z.infer<typeof environmentSchema>

export function readEnvironment(environment: Environment = process.env): GatewayEnvironment {
  return parseEnvironment(environmentSchema, environment)
}
