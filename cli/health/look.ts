/** Opens the cluster that a command names, and observes it. */
import { openCluster } from '../cluster/connect-cluster.ts'
import type { CliContext, ServerOptions } from '../context.ts'
import { VERSION } from '../version.ts'
import type { Observation } from './observation.ts'
import { observe } from './observe.ts'

export type ClusterOptions = Pick<ServerOptions, 'context' | 'kubeconfig' | 'systemNamespace'>

/** Of these commands a local instance is never meant. Throws CliError (usage) when the kubeconfig names no cluster. */
export async function look(context: CliContext, options: ClusterOptions): Promise<Observation> {
  const { kubeconfig, context: name, systemNamespace } = options
  const named = { ...(kubeconfig !== undefined && { kubeconfig }), ...(name !== undefined && { context: name }) }
  const open = await openCluster({ context, target: { kind: 'cluster', ...named } })
  try {
    return await observe({ open, cliVersion: VERSION, systemNamespace, now: context.now })
  } finally {
    await open.close()
  }
}
