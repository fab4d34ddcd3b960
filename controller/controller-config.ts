/** What can be set about a controller, and what it is when nobody does. */
import { DEFAULT_PORT } from '../api/names.ts'
import { DEFAULT_FLEET_LIMITS, type FleetLimits } from './fleet/pod-fleet-options.ts'
import type { FunctionsControllerConfig } from './functions/functions-controller-options.ts'
import { DEFAULT_SERVER_LIMITS, type ServerLimits } from './server/routes.ts'

export interface ControllerConfig {
  functions: FunctionsControllerConfig
  /** Where pods reach this controller; default: the address listened on. */
  advertisedUrl?: string
  /** Base URL of gateways' internal listener, given to every function as DORMOUSE_URL. */
  platformUrl?: string
  /** Where Services of Functions point: a DNS name of gateways' internal listener; absent: none are made. */
  functionServices?: string
  /** Whether `code.configMap` is served, which needs the right to read ConfigMaps. */
  readsConfigMaps: boolean
  /** Said of a ConfigMap that is not there, as a clause. */
  missingConfigMap: string
  /** Whether archives may be fetched from this very machine: local mode. */
  archivesFromLoopback: boolean
  /** How long user code may load. */
  initTimeoutMs: number
  /** What pods are told to listen on; 0 = any free port. */
  podPorts: { control: number; data: number }
  /** Pods of Runtimes have a read-only root and a volume for /tmp (docs/adr/0040). */
  podsReadOnly: boolean
  fleet: FleetLimits
  server: ServerLimits
}

export const DEFAULT_CONTROLLER_CONFIG: ControllerConfig = {
  functions: { verifyFirstRevision: true },
  readsConfigMaps: true,
  missingConfigMap: 'it does not exist; create it or change spec.code',
  archivesFromLoopback: false,
  initTimeoutMs: 10_000,
  podPorts: DEFAULT_PORT,
  podsReadOnly: false,
  fleet: DEFAULT_FLEET_LIMITS,
  server: DEFAULT_SERVER_LIMITS,
}
