/** Dormouse in the cluster, by its chart and with the images of this tree, as somebody would install it. */
import { must, run, type RunOptions } from './run.ts'

export const RELEASE = 'dormouse'
export const NAMESPACE = 'dormouse-system'
const CHART = new URL('../../charts/dormouse', import.meta.url).pathname
const WAIT = '3m'
const MOST_OF_A_LINE = 400

export interface InstallOptions {
  kubeconfig: string
  registry: string
  tag: string
  brokers: readonly string[]
}

/** Installs, or upgrades what is there; settles when everything is ready. */
export async function install({ kubeconfig, registry, tag, brokers }: InstallOptions): Promise<void> {
  const options = withKubeconfig(kubeconfig)
  const values = {
    image: { registry, tag },
    kafka: { brokers },
  }
  const command = ['upgrade', '--install', RELEASE, CHART, '--namespace', NAMESPACE, '--create-namespace'] as const
  const settings = Object.entries(values).map(([name, value]) => `--set-json=${name}=${JSON.stringify(value)}`)
  // Left by an earlier run: an upgrade, which begins with the definitions, as docs/installing.md says.
  if ((await run(['helm', 'status', RELEASE, '--namespace', NAMESPACE], options)).code === 0)
    await must(['kubectl', 'apply', '--server-side', '--force-conflicts', '-f', `${CHART}/crds`], options)
  try {
    await must(['helm', ...command, ...settings, '--wait', `--timeout=${WAIT}`], options)
  } catch (error) {
    process.stderr.write(await describeInstallation(kubeconfig))
    throw error
  }
}

/** Everything of it, definitions and namespace included, whose deletion takes what was made of them along. */
export async function uninstall(kubeconfig: string): Promise<void> {
  const options = withKubeconfig(kubeconfig)
  await run(['helm', 'uninstall', RELEASE, '--namespace', NAMESPACE, '--wait', '--ignore-not-found'], options)
  const definitions = ['functions', 'triggers', 'runtimes'].map((plural) => `${plural}.dormouse.dev`)
  await must(['kubectl', 'delete', 'crd', ...definitions, '--ignore-not-found', '--timeout=2m'], options)
  await must(['kubectl', 'delete', 'namespace', NAMESPACE, '--ignore-not-found', '--timeout=2m'], options)
}

/** Why it does not come up. */
export async function describeInstallation(kubeconfig: string): Promise<string> {
  const options = withKubeconfig(kubeconfig)
  const ask = (...args: string[]) => run(['kubectl', '-n', NAMESPACE, ...args], options)
  const said = await Promise.all([
    ask('get', 'pods', '-o', 'wide'),
    ask('get', 'events', '--sort-by=.lastTimestamp'),
    ...['controller', 'gateway', 'dispatcher'].map((part) =>
      ask('logs', `--selector=app.kubernetes.io/component=${part}`, '--tail=20', '--prefix'),
    ),
  ])
  const lines = said.flatMap(({ stdout, stderr }) => [...`${stdout}${stderr}`.split('\n'), ''])
  return lines.map((line) => `${line.slice(0, MOST_OF_A_LINE)}\n`).join('')
}

function withKubeconfig(kubeconfig: string): RunOptions {
  return { env: { ...process.env, KUBECONFIG: kubeconfig } }
}
