/** Opens the cluster that a command names, and observes it. */
import { CliError } from '../cli-error.ts'
import { openCluster } from '../cluster/connect-cluster.ts'
import type { CliContext, ServerOptions } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { untilInterrupted } from '../until-interrupted.ts'
import { VERSION } from '../version.ts'
import type { Observation } from './observation.ts'
import { observe } from './observe.ts'

export type ClusterOptions = Pick<ServerOptions, 'context' | 'kubeconfig' | 'systemNamespace'>

/** Of these commands a local instance is never meant. Throws CliError: usage when the kubeconfig names no cluster, unreachable when nothing of it can be seen. */
export function look(context: CliContext, options: ClusterOptions): Promise<Observation> {
  return untilInterrupted(context.signal, openAndLook(context, options))
}

async function openAndLook(context: CliContext, options: ClusterOptions): Promise<Observation> {
  const { kubeconfig, context: name, systemNamespace } = options
  const named = { ...(kubeconfig !== undefined && { kubeconfig }), ...(name !== undefined && { context: name }) }
  const open = await openCluster({ context, target: { kind: 'cluster', ...named } })
  try {
    const observation = await observe({ open, named, cliVersion: VERSION, systemNamespace, now: context.now })
    const { cluster, apiServer, services } = observation
    // Whoever is known to the cluster may ask its version: nothing at all was seen, so nothing can be said.
    if (apiServer.kind === 'hidden' && services.kind === 'hidden')
      throw new CliError(EXIT.unreachable, `${cluster}: ${apiServer.what} cannot be seen: ${apiServer.why}`)
    return observation
  } finally {
    await open.close()
  }
}
