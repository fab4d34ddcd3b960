/** The cluster that the end-to-end run uses: the one there is, or one that is started for it and ended after it. */
import { run } from './run.ts'

const SCRIPT = new URL('../../test/cluster/cluster.sh', import.meta.url).pathname
/** Where kubectl and helm are: test/cluster/env.sh has it as LC_BIN. */
export const BIN =
  process.env['LC_BIN'] ?? `${process.env['XDG_CACHE_HOME'] ?? `${process.env['HOME']}/.cache`}/dormouse/cluster/bin`
/** Of requirements.sh: there cannot be one on this machine. */
const IMPOSSIBLE = 3
const BUILD_LIMIT_MS = 30 * 60_000

export type ClusterFound =
  { kind: 'available'; kubeconfig: string; startedHere: boolean } | { kind: 'impossible'; reason: string }

/** Throws when one should have come up and did not. */
export async function openCluster(): Promise<ClusterFound> {
  const before = await run([SCRIPT, 'kubeconfig'])
  const { code, stdout, stderr } = await run([SCRIPT, 'up'], { timeoutMs: BUILD_LIMIT_MS })
  process.stderr.write(stderr)
  if (code === IMPOSSIBLE) return { kind: 'impossible', reason: stderr.trim().split('\n').at(-1) ?? 'unknown' }
  if (code !== 0) throw new Error(`test/cluster/cluster.sh up ended with ${code}`)
  return { kind: 'available', kubeconfig: stdout.trim(), startedHere: before.code !== 0 }
}

export async function closeCluster(): Promise<void> {
  await run([SCRIPT, 'down'], { tellErrors: true })
}
