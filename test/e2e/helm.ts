/** Helm, on the installation of this run. */
import { CHART } from '../builders/helm.ts'
import { run, type Ended } from '../../scripts/e2e/run.ts'
import { e2e } from './environment.ts'

/** Waiting for everything to be ready included. */
export const HELM_LIMIT_MS = 300_000

/** Settles however it ends. */
export function tryHelm(...args: string[]): Promise<Ended> {
  const { kubeconfig, namespace } = e2e()
  const env = { ...process.env, KUBECONFIG: kubeconfig }
  return run(['helm', ...args, '--namespace', namespace], { env, timeoutMs: HELM_LIMIT_MS })
}

/** Its standard output; throws what it said. */
export async function helm(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await tryHelm(...args)
  if (code !== 0) throw new Error(`helm ${args.join(' ')} ended with ${code}: ${stderr.trim()}`)
  return stdout
}

/** The chart of this tree over what is installed, with the values of then and these; throws what it said. */
export async function upgrade(values: Record<string, unknown>): Promise<void> {
  const { code, stderr } = await tryUpgrade(values)
  if (code !== 0) throw new Error(`helm upgrade ended with ${code}: ${stderr.trim()}`)
}

/** Settles however it ends. */
export function tryUpgrade(values: Record<string, unknown>): Promise<Ended> {
  const settings = Object.entries(values).map(([name, value]) => `--set-json=${name}=${JSON.stringify(value)}`)
  return tryHelm('upgrade', e2e().release, CHART, '--reuse-values', ...settings, '--wait', '--timeout=4m')
}
