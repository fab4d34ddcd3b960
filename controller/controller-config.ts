/** What can be set about a controller, and what it is when nobody does. */
import { DEFAULT_PORT } from '../api/names.ts'
import { DEFAULT_FLEET_LIMITS, type FleetLimits } from './fleet/pod-fleet-options.ts'
import type { FunctionsControllerConfig } from './functions/functions-controller.ts'
import { DEFAULT_SERVER_LIMITS, type ServerLimits } from './server/routes.ts'

export interface ControllerConfig {
  functions: FunctionsControllerConfig
  /** Where pods reach this controller; default: the address listened on. */
  advertisedUrl?: string
  /** Base URL of gateways' internal listener, given to every function as DORMOUSE_URL. */
  platformUrl?: string
  /** How long user code may load. */
  initTimeoutMs: number
  /** What pods are told to listen on; 0 = any free port. */
  podPorts: { control: number; data: number }
  fleet: FleetLimits
  server: ServerLimits
}

export const DEFAULT_CONTROLLER_CONFIG: ControllerConfig = {
  functions: { verifyFirstRevision: true },
  initTimeoutMs: 10_000,
  podPorts: DEFAULT_PORT,
  fleet: DEFAULT_FLEET_LIMITS,
  server: DEFAULT_SERVER_LIMITS,
}
