/** What installing comes to, as commands one could type. Pure. */
import { join } from 'node:path'

export interface InstallChoices {
  chart: string
  release: string
  namespace: string
  context?: string
  kubeconfig?: string
  /** Files, for helm's --values. */
  values: readonly string[]
  /** `key=value`, for helm's --set. */
  set: readonly string[]
  /** host:port of brokers. */
  kafka: readonly string[]
  timeoutSeconds: number
}

export interface Command {
  program: 'kubectl' | 'helm' | 'dormouse'
  args: readonly string[]
}

/** Helm installs the CRDs of a chart once and never again: they are brought up to date first, and by us. */
export function installCommands(choices: InstallChoices): { crds: Command; release: Command } {
  const { chart, release, namespace, context, kubeconfig, values, set, kafka, timeoutSeconds } = choices
  const cluster = (name: string) => [
    ...(kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig]),
    ...(context === undefined ? [] : [name, context]),
  ]
  const crds = [
    'apply',
    '--server-side',
    '--force-conflicts',
    '--field-manager',
    'dormouse-cli',
    '-f',
    join(chart, 'crds'),
  ]
  const brokers = kafka.length === 0 ? [] : ['--set', `kafka.brokers={${kafka.join(',')}}`]
  return {
    crds: { program: 'kubectl', args: [...crds, ...cluster('--context')] },
    release: {
      program: 'helm',
      args: [
        ...['upgrade', '--install', release, chart, '--namespace', namespace, '--create-namespace', '--skip-crds'],
        // What earlier installs said stays said, beside what this version's chart adds.
        '--reset-then-reuse-values',
        ...['--wait', '--timeout', `${timeoutSeconds}s`, ...cluster('--kube-context')],
        ...values.flatMap((file) => ['--values', file]),
        ...[...brokers, ...set.flatMap((pair) => ['--set', pair])],
      ],
    },
  }
}

/** As a shell takes it. */
export function shellLine({ program, args }: Command): string {
  return [program, ...args].map(quoted).join(' ')
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
