/** All checks, in the order in which one would repair. Pure. */
import { checkApiServer } from './checks/api-server.ts'
import { checkCrds } from './checks/crds.ts'
import { checkKafka } from './checks/kafka.ts'
import { checkLeader } from './checks/leader.ts'
import { checkNetwork } from './checks/network.ts'
import { checkPlatform } from './checks/platform.ts'
import { checkWorkloads } from './checks/workloads.ts'
import type { Finding } from './finding.ts'
import type { Observation } from './observation.ts'

const CHECKS = [checkApiServer, checkCrds, checkPlatform, checkKafka, checkLeader, checkNetwork, checkWorkloads]

export function diagnose(observation: Observation): Finding[] {
  return CHECKS.flatMap((check) => check(observation))
}
