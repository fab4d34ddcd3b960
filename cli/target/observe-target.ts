/** Looks for what there is to speak to. Reads no more than the choice needs: a command to a local instance must stay quick. */
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { isRecord } from '../../api/record.ts'
import { runningOwner } from '../../local/store/owner.ts'
import { DEFAULT_SERVER, DEFAULT_STATE_DIR } from '../client/find-server.ts'
import type { CliContext } from '../context.ts'
import { chooseTarget, namedTarget, type Target, type TargetFacts, type TargetOptions } from './choose-target.ts'

/** Nobody there is known at once; who is there may be busy. */
const PROBE_MS = 2_000
const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token'

/** Throws CliError (usage) when in doubt. */
export async function findTarget(context: CliContext, options: TargetOptions): Promise<Target> {
  const facts = namedTarget(options) === undefined ? await observe(context, options) : NOTHING
  return chooseTarget(options, facts)
}

const NOTHING: TargetFacts = {
  serverVariable: undefined,
  instanceHere: undefined,
  cluster: undefined,
  defaultServer: DEFAULT_SERVER,
  defaultServerAnswers: false,
}

async function observe({ cwd, environment }: CliContext, { stateDir }: TargetOptions): Promise<TargetFacts> {
  const serverVariable = stateDir === undefined ? environment['DORMOUSE_SERVER'] : undefined
  if (serverVariable !== undefined && serverVariable !== '') return { ...NOTHING, serverVariable }
  const instanceHere = runningOwner(resolve(cwd, stateDir ?? DEFAULT_STATE_DIR))?.managementUrl
  if (instanceHere !== undefined || stateDir !== undefined) return { ...NOTHING, instanceHere }
  const cluster = await describeCluster(environment)
  if (cluster === undefined) return NOTHING
  return { ...NOTHING, cluster, defaultServerAnswers: await isDormouse(DEFAULT_SERVER) }
}

/** The first kubeconfig that names a context, as kubectl reads them; else the pod this runs in. */
async function describeCluster(environment: CliContext['environment']): Promise<string | undefined> {
  for (const path of kubeconfigPaths(environment)) {
    const context = await currentContext(path)
    if (context !== undefined) return `context ${context} of ${path}`
  }
  const inPod = Boolean(environment['KUBERNETES_SERVICE_HOST']) && existsSync(SERVICE_ACCOUNT_TOKEN)
  return inPod ? 'the one this pod runs in' : undefined
}

function kubeconfigPaths(environment: CliContext['environment']): string[] {
  const listed = (environment['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '')
  if (listed.length > 0) return listed
  const { HOME } = environment
  return HOME === undefined ? [] : [join(HOME, '.kube', 'config')]
}

/** Undefined, too, where the file is none: whoever reads it for good says what is wrong with it. */
async function currentContext(path: string): Promise<string | undefined> {
  if (!existsSync(path)) return undefined
  const { parse } = await import('yaml')
  try {
    const config: unknown = parse(readFileSync(path, 'utf8'))
    const context = isRecord(config) ? config['current-context'] : undefined
    return typeof context === 'string' && context !== '' ? context : undefined
  } catch {
    return undefined
  }
}

/** Others listen on 9090, too. */
async function isDormouse(server: string): Promise<boolean> {
  try {
    const response = await fetch(`${server}/api/v1/instance`, { signal: AbortSignal.timeout(PROBE_MS) })
    const answer: unknown = await response.json()
    return response.ok && isRecord(answer) && typeof answer['stateDir'] === 'string'
  } catch {
    return false
  }
}
