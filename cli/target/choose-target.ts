/**
 * Which Dormouse a command speaks to. Pure. What is named on the command line decides; else DORMOUSE_SERVER; else the instance whose state
 * directory is here; else the cluster of the kubeconfig; else the default port. Where the last two both answer, the user must say.
 */
import { CliError } from '../cli-error.ts'
import { EXIT } from '../exit-codes.ts'

export type Target =
  | { kind: 'instance'; server: string }
  /** Absent: the kubeconfig, the context, kubectl would take. */
  | { kind: 'cluster'; kubeconfig?: string; context?: string }

export interface TargetOptions {
  server?: string
  stateDir?: string
  kubeconfig?: string
  context?: string
}

/** What was found where the command runs. */
export interface TargetFacts {
  /** DORMOUSE_SERVER. */
  serverVariable: string | undefined
  /** Of the instance whose state directory this is. */
  instanceHere: string | undefined
  /** How kubectl would reach a cluster: `context dev of ~/.kube/config`; undefined when it would not. */
  cluster: string | undefined
  /** Base URL where an instance listens by default. */
  defaultServer: string
  defaultServerAnswers: boolean
}

/** Undefined when the facts decide. Throws CliError (usage) when two were named, or what is no URL. */
export function namedTarget(options: TargetOptions): Target | undefined {
  const { server, stateDir, kubeconfig, context } = options
  const instance = server !== undefined ? '--server' : stateDir !== undefined ? '--state-dir' : undefined
  const cluster = context !== undefined ? '--context' : kubeconfig !== undefined ? '--kubeconfig' : undefined
  if (instance !== undefined && cluster !== undefined)
    throw new CliError(EXIT.usage, `${instance} names a local instance and ${cluster} a cluster: give one of them`)
  if (server !== undefined) return { kind: 'instance', server: urlOf('--server', server) }
  if (cluster === undefined) return undefined
  return {
    kind: 'cluster',
    ...(kubeconfig !== undefined && { kubeconfig }),
    ...(context !== undefined && { context }),
  }
}

/** Throws CliError: usage when in doubt, unreachable when the instance that is named does not run. */
export function chooseTarget(options: TargetOptions, facts: TargetFacts): Target {
  const named = namedTarget(options)
  if (named !== undefined) return named
  const { serverVariable, instanceHere, cluster, defaultServer, defaultServerAnswers } = facts
  if (options.stateDir === undefined && serverVariable !== undefined && serverVariable !== '')
    return { kind: 'instance', server: urlOf('DORMOUSE_SERVER', serverVariable) }
  if (instanceHere !== undefined) return { kind: 'instance', server: instanceHere }
  if (options.stateDir !== undefined)
    throw new CliError(
      EXIT.unreachable,
      `no instance runs on ${options.stateDir}: start it with \`dormouse dev --state-dir ${options.stateDir}\``,
    )
  if (cluster === undefined) return { kind: 'instance', server: defaultServer }
  if (!defaultServerAnswers) return { kind: 'cluster' }
  throw new CliError(
    EXIT.usage,
    `found both a local instance at ${defaultServer} and a cluster (${cluster}): say which with --server ${defaultServer} or --context NAME`,
  )
}

/** Throws CliError (usage). `name`: of the option or variable. */
function urlOf(name: string, text: string): string {
  if (/^https?:\/\/./.test(text) && URL.canParse(text)) return text.replace(/\/+$/, '')
  throw new CliError(EXIT.usage, `${name}: expected a URL such as ${EXAMPLE}, got ${JSON.stringify(text)}`)
}

const EXAMPLE = 'http://127.0.0.1:9090'
