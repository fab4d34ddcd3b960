/** Options that several commands share, declared once so that they read the same everywhere. */
import { InvalidArgumentError, Option, type Command } from 'commander'
import { parseBrokers } from '../lib/brokers.ts'
import { connectInstance, type Connection } from './client/connection.ts'
import { DEFAULT_STATE_DIR } from './client/find-server.ts'
import type { CliContext, ServerOptions } from './context.ts'
import { findTarget } from './target/observe-target.ts'
import { untilInterrupted } from './until-interrupted.ts'

export function withServerOptions(command: Command): Command {
  command
    .option('--server <url>', 'management address of a local instance (or env DORMOUSE_SERVER)')
    .option('--state-dir <dir>', `state directory of the local instance to speak to (default: ./${DEFAULT_STATE_DIR})`)
  return withClusterOptions(command)
}

/** What names a cluster, where no local instance would do. */
export function withClusterOptions(command: Command): Command {
  return command
    .option('--context <name>', 'speak to the cluster of this context of the kubeconfig')
    .option('--kubeconfig <file>', 'the kubeconfig (default: KUBECONFIG, else ~/.kube/config)')
    .option('--system-namespace <name>', 'where Dormouse is installed in the cluster (default: wherever it is found)')
}

export function withNamespaceOption(command: Command): Command {
  return command.option('-n, --namespace <name>', NAMESPACE_HELP)
}

export const NAMESPACE_HELP = 'namespace of the object (default: "default"; in a cluster: the context\'s)'

/** Opens the way to the Dormouse that `options`, or what is found, name, for as long as `use` takes. */
export function withConnection<T>(
  context: CliContext,
  options: ServerOptions,
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  return untilInterrupted(context.signal, connectAndUse(context, options, use))
}

async function connectAndUse<T>(
  context: CliContext,
  options: ServerOptions,
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await connect(context, options)
  try {
    return await use(connection)
  } finally {
    await connection.close()
  }
}

async function connect(context: CliContext, options: ServerOptions): Promise<Connection> {
  const target = await findTarget(context, options)
  if (target.kind === 'instance') return connectInstance(target.server)
  // Loaded here and not above: `dormouse get` of a local instance must not pay for it.
  const { connectCluster } = await import('./cluster/connect-cluster.ts')
  const { systemNamespace } = options
  return connectCluster({ context, target, ...(systemNamespace !== undefined && { systemNamespace }) })
}

export function outputOption(choices: readonly string[]): Option {
  return new Option('-o, --output <format>', 'how to print it').choices([...choices]).default(choices[0])
}

export function parseCount(text: string): number {
  const count = Number(text)
  if (text.trim() !== '' && Number.isInteger(count) && count >= 0) return count
  throw new InvalidArgumentError('Expected a whole number, 0 or more.')
}

/** No default: what is printed without it is for people. */
export function formatOption(choices: readonly string[]): Option {
  return new Option('-o, --output <format>', 'print it for programs').choices([...choices])
}

export function parsePort(text: string): number {
  const port = parseCount(text)
  if (port <= 65_535) return port
  throw new InvalidArgumentError('Expected a port from 0 to 65535.')
}

/** A day; timers take no more than 24 of them. */
const MAX_SECONDS = 86_400

export function parseSeconds(text: string): number {
  const seconds = Number(/^([0-9]+(?:\.[0-9]+)?)s?$/.exec(text)?.[1] ?? NaN)
  if (seconds <= MAX_SECONDS) return seconds
  throw new InvalidArgumentError(`Expected seconds, for example 30 or 30s, at most ${MAX_SECONDS}.`)
}

export function parseKafka(text: string): string[] {
  const brokers = parseBrokers(text)
  if (brokers !== undefined) return brokers
  throw new InvalidArgumentError('Expected host:port[,host:port…].')
}

/** Repeatable option. */
export function collect(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value]
}

export function examples(lines: readonly (readonly [command: string, what: string])[]): string {
  const width = Math.max(...lines.map(([command]) => command.length))
  return `\nExamples:\n${lines.map(([command, what]) => `  $ ${command.padEnd(width)}  # ${what}`).join('\n')}\n`
}
