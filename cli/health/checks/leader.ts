/** Does a controller lead? Pure. */
import type { Lease } from '../../../kube/objects.ts'
import { logOfPart } from '../commands.ts'
import type { Finding } from '../finding.ts'
import { valueOf, type Observation } from '../observation.ts'
import { componentOf } from './platform.ts'

/** The Lease of the controllers: named like their Deployment, which the chart sees to. */
export function leaseOf({ leases, deployments }: Observation): Lease | undefined {
  const controller = valueOf(deployments)?.find((deployment) => componentOf(deployment) === 'controller')
  return valueOf(leases)?.find(({ metadata }) => metadata.name === controller?.metadata.name)
}

/** Times in a Lease are the leader's own; the API server's clock is nearer to it than ours. */
export function clusterNowMs({ apiServer, nowMs }: Observation): number {
  const seen = valueOf(apiServer)
  return seen === undefined ? nowMs : nowMs + (seen.timeMs - seen.ourTimeMs)
}

/** For how long whoever holds the lead has been silent, when that is so long that it leads no longer and nobody else does. */
export function silentForMs(observation: Observation): number | undefined {
  const { silentMs, leaseMs } = lastSign(observation)
  // Twice: the API server's time is known to the second, and a successor may be on its way.
  return silentMs > 2 * leaseMs ? silentMs : undefined
}

/** Of whoever holds the lead. Negative: its clock is ahead. */
function lastSign(observation: Observation): { silentMs: number; leaseMs: number } {
  const { renewTime = '', leaseDurationSeconds = 6 } = leaseOf(observation)?.spec ?? {}
  return { silentMs: clusterNowMs(observation) - Date.parse(renewTime), leaseMs: leaseDurationSeconds * 1000 }
}

export function checkLeader(observation: Observation): Finding[] {
  // Where none is ready, that is what is wrong: told by the platform's check.
  if (valueOf(observation.leases) === undefined || !controllersReady(observation)) return []
  const holder = leaseOf(observation)?.spec?.holderIdentity ?? ''
  if (holder !== '') return heldFindings(observation, holder)
  return [finding('No replica leads: nothing is reconciled, scaled or ticked.', seeLog(observation))]
}

function controllersReady({ deployments }: Observation): boolean {
  const controller = valueOf(deployments)?.find((deployment) => componentOf(deployment) === 'controller')
  return (controller?.status?.readyReplicas ?? 0) > 0
}

function seeLog(observation: Observation): string {
  return `See why the controllers cannot write the Lease: ${logOfPart(observation, 'controller')}.`
}

function heldFindings(observation: Observation, holder: string): Finding[] {
  const { silentMs, leaseMs } = lastSign(observation)
  if (silentMs < -leaseMs) {
    const problem = `The leader's clock is ${Math.round(-silentMs / 1000)} s ahead of the API server's.`
    return [finding(problem, 'Set the clocks of the nodes by NTP.')]
  }
  if (silentForMs(observation) !== undefined) {
    const problem = `${holder} held the lead last, ${Math.round(silentMs / 1000)} s ago, and nobody has taken it since.`
    return [finding(problem, seeLog(observation))]
  }
  const pods = valueOf(observation.pods)
  if (pods === undefined || pods.some(({ metadata }) => metadata.name === holder)) return []
  const problem = `The lead is held by ${holder}, which is no pod of this installation.`
  return [finding(problem, 'Find who else runs a controller on this cluster, and end it.')]
}

function finding(problem: string, remedy: string): Finding {
  return { subject: 'leader', problem, remedy }
}
