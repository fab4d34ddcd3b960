/** What `make e2e` tells its tests, and what of it they need: without, a suite is skipped and its title says why. */
import { describe } from '@jest/globals'
import type { E2eEnvironment } from '../../scripts/e2e/environment.ts'

const told = process.env['DORMOUSE_E2E']
const environment = told === undefined ? undefined : (JSON.parse(told) as E2eEnvironment)
const whyNot = process.env['DORMOUSE_E2E_SKIP'] ?? 'no installation in a cluster: `make e2e` makes one'

export interface Needs {
  /** A Kafka that pods reach. */
  kafka?: true
  /** A cluster of test/cluster, whose processes may be felled. */
  local?: true
  /** Addresses of pods and Services answer from here: a forwarded port ends with its pod, and is no measure. */
  addresses?: true
}

/** Throws outside suites of `describeOnCluster`. */
export function e2e(): E2eEnvironment {
  if (environment === undefined) throw new Error(whyNot)
  return environment
}

/** As `describe`, on the installation of this run. */
export function describeOnCluster(title: string, suite: () => void, needs: Needs = {}): void {
  const reason = missing(needs)
  if (reason === undefined) describe(title, suite)
  else describe.skip(`${title} [skipped: ${reason}]`, suite)
}

function missing({ kafka, local, addresses }: Needs): string | undefined {
  if (environment === undefined) return whyNot
  if (kafka === true && 'missing' in environment.kafka) return environment.kafka.missing
  if (local === true && !environment.local) return 'the processes of the cluster of KUBECONFIG are not ours to fell'
  if (addresses === true && !environment.reachesServices)
    return 'the addresses of this cluster\u2019s Services do not answer from here'
  return undefined
}
