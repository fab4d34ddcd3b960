import { RUNTIMES } from '../api/kinds.ts'
import { API_VERSION } from '../api/names.ts'
import type { Cluster } from '../kube/cluster.ts'
import { NODE_IMAGE } from './runtime-images.ts'

const NAME = 'node'
const DEFAULT_POOL_SIZE = 3

/** Runtime `node` exists; one the user has changed stays changed, but for a pool size that is asked for now. */
export async function ensureNodeRuntime(cluster: Cluster, poolSize: number | undefined): Promise<void> {
  const existing = await cluster.get(RUNTIMES, { name: NAME })
  if (existing === undefined) {
    const spec = { image: NODE_IMAGE, pool: { size: poolSize ?? DEFAULT_POOL_SIZE } }
    await cluster.create(RUNTIMES, { apiVersion: API_VERSION, kind: 'Runtime', metadata: { name: NAME }, spec })
  } else if (poolSize !== undefined && existing.spec.pool.size !== poolSize) {
    await cluster.patch(RUNTIMES, { name: NAME }, { spec: { pool: { size: poolSize } } })
  }
}
