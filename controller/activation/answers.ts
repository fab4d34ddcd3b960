/** Pure: what a data plane is told of a pod that can take its requests. */
import type { ActivationAnswer } from '../../api/protocol.ts'
import type { FleetPod } from '../fleet/fleet.ts'

/** Undefined while it has no address. */
export function endpointAnswer(pod: FleetPod, arrivedAtMs: number): ActivationAnswer | undefined {
  const { endpoint, startup, readyAtMs = 0 } = pod
  if (endpoint === undefined) return undefined
  if (startup === undefined || readyAtMs < arrivedAtMs)
    return { outcome: 'endpoint', endpoint, source: 'warm', phases: { podMs: 0, specializeMs: 0, initMs: 0 } }
  const { source, podMs, specializeMs, initMs } = startup
  return { outcome: 'endpoint', endpoint, source, phases: { podMs, specializeMs, initMs } }
}
