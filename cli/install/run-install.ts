/** Installs or upgrades Dormouse: CRDs by the Kubernetes API, everything else by helm with the chart that ships beside this command. */
import { spawn } from 'node:child_process'
import { CliError } from '../cli-error.ts'
import { openCluster } from '../cluster/connect-cluster.ts'
import { CUSTOM_RESOURCE_DEFINITIONS } from '../cluster/platform-kinds.ts'
import { clusterRefusal } from '../cluster/refusal.ts'
import type { CliContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { untilInterrupted } from '../until-interrupted.ts'
import { findChart, readCrds } from './chart.ts'
import { installCommands, shellLine, type Command, type InstallChoices } from './helm-plan.ts'

export interface InstallOptions extends Omit<InstallChoices, 'chart'> {
  chart?: string
  dryRun: boolean
}

export async function runInstall(context: CliContext, options: InstallOptions): Promise<void> {
  const chart = options.chart ?? findChart()
  if (chart === undefined)
    throw new CliError(EXIT.failure, 'no chart lies beside this command: name its folder with --chart')
  const choices = { ...options, chart }
  const { crds, release } = installCommands(choices)
  const { stdout, stderr } = context
  if (options.dryRun) return void stdout.write(`${shellLine(crds)}\n${shellLine(release)}\n`)
  if ((await run(context, { program: 'helm', args: ['version', '--short'] }, 'quiet')) === undefined) {
    stdout.write(`${shellLine(crds)}\n${shellLine(release)}\n`)
    throw new CliError(
      EXIT.failure,
      'helm was not found: nothing was installed; these are the commands that would do it',
    )
  }
  await untilInterrupted(context.signal, applyCrds(context, choices))
  stderr.write(`${shellLine(release)}\n`)
  const code = await run(context, release, 'shown')
  if (context.signal.aborted)
    throw new CliError(EXIT.interrupted, 'interrupted; see `dormouse status` for what is there')
  if (code !== 0)
    throw new CliError(
      EXIT.failure,
      `helm ended with exit code ${code ?? 'none'}; \`dormouse doctor\` says what is wrong`,
    )
}

async function applyCrds(context: CliContext, { chart, kubeconfig, context: name }: InstallChoices): Promise<void> {
  const named = { ...(kubeconfig !== undefined && { kubeconfig }), ...(name !== undefined && { context: name }) }
  const open = await openCluster({ context, target: { kind: 'cluster', ...named } })
  try {
    for (const crd of readCrds(chart)) {
      await open.cluster.apply(CUSTOM_RESOURCE_DEFINITIONS, crd, { fieldManager: 'dormouse-cli' })
      context.stdout.write(`customresourcedefinition/${crd.metadata.name} applied\n`)
    }
  } catch (error) {
    throw clusterRefusal(error, open.access.name)
  } finally {
    await open.close()
  }
}

/** Its exit code; undefined when there is no such program. */
function run(context: CliContext, { program, args }: Command, output: 'quiet' | 'shown'): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: context.cwd,
      env: context.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const end = () => child.kill('SIGINT')
    context.signal.addEventListener('abort', end, { once: true })
    if (output === 'shown') {
      child.stdout.on('data', (chunk: Buffer) => context.stdout.write(chunk))
      child.stderr.on('data', (chunk: Buffer) => context.stderr.write(chunk))
    } else {
      child.stdout.resume()
      child.stderr.resume()
    }
    child.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? resolve(undefined) : reject(error)))
    child.on('close', (code) => {
      context.signal.removeEventListener('abort', end)
      resolve(code ?? 1)
    })
  })
}
