/** The controller's environment: every variable, its default and its reason. */
import { hostname } from 'node:os'
import { z } from 'zod'
import { KAFKA_ENVIRONMENT } from '../events/kafka/environment.ts'
import { parseEnvironment, type Environment } from '../lib/environment.ts'
import { logLevelVariable, portVariable } from '../lib/environment-types.ts'

const dataPlanes = z.string().transform((text, context) => {
  const accounts = text.split(',').map((account) => account.trim())
  if (accounts.every((account) => /^[a-z0-9-]+\/[a-z0-9.-]+$/.test(account))) return accounts
  const message = `expected namespace/serviceaccount[,namespace/serviceaccount…], got ${JSON.stringify(text)}`
  context.addIssue({ code: 'custom', message })
  return z.NEVER
})

const baseUrl = z.string().regex(/^https?:\/\/[^/]+$/, 'expected a URL without a path, such as http://gateway:8081')

const environmentSchema = z.object({
  ...KAFKA_ENVIRONMENT,
  /** Where ticks of cron Triggers go; absent: there are none. */
  DORMOUSE_KAFKA: KAFKA_ENVIRONMENT.DORMOUSE_KAFKA.optional(),
  /** The namespace it runs in: its keys and its lease are there. */
  DORMOUSE_NAMESPACE: z.string().min(1),
  /** Names this replica in the lease: must differ between replicas, and a pod's name does. */
  DORMOUSE_POD_NAME: z.string().min(1).default(hostname()),
  /** Where function pods say that they are up; absent: the address listened on. */
  DORMOUSE_POD_IP: z.union([z.ipv4(), z.ipv6()]).optional(),
  /** For data planes and pods. */
  DORMOUSE_CONTROLLER_PORT: portVariable(8082),
  /** For operators: health, metrics. */
  DORMOUSE_MANAGEMENT_PORT: portVariable(9090),
  /** Address to listen on; absent: every one, IPv6 and IPv4. */
  DORMOUSE_LISTEN_HOST: z.string().min(1).optional(),
  DORMOUSE_LOG_LEVEL: logLevelVariable,
  /** Gateways' internal listener, given to every function as DORMOUSE_URL. */
  DORMOUSE_PLATFORM_URL: baseUrl.optional(),
  /** DNS name of that listener, on port 80: what Services of Functions are names for; absent: none are made. */
  DORMOUSE_FUNCTION_SERVICES: z.hostname().optional(),
  /** Whether Functions may have their code in ConfigMaps, which needs the right to read those. */
  DORMOUSE_CONFIG_MAPS: z.enum(['read', 'ignored']).default('read'),
  /** Whether pods of Runtimes have a read-only root, and a volume for /tmp, with which they start later. */
  DORMOUSE_POD_ROOT: z.enum(['writable', 'read-only']).default('writable'),
  /** Service accounts that may take the feed, report load and wake functions. */
  DORMOUSE_DATA_PLANES: dataPlanes,
  /** Lease by which replicas agree on a leader. */
  DORMOUSE_LEASE: z.string().min(1).default('dormouse-controller'),
})

export type ControllerEnvironment = z.infer<typeof environmentSchema>

/** Throws ConfigError. */
export function readEnvironment(environment: Environment = process.env): ControllerEnvironment {
  return parseEnvironment(environmentSchema, environment)
}
