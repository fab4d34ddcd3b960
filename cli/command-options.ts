/** Options that several commands share, declared once so that they read the same everywhere. */
import { InvalidArgumentError, Option, type Command } from 'commander'
import { DEFAULT_NAMESPACE } from '../api/names.ts'
import { parseBrokers } from '../lib/brokers.ts'
import { createApiClient, type ApiClient } from './client/api-client.ts'
import { createEventsClient, type EventsClient } from './client/events-client.ts'
import { DEFAULT_STATE_DIR, findServer } from './client/find-server.ts'
import type { CliContext, ServerOptions } from './context.ts'

export function withServerOptions(command: Command): Command {
  return command
    .option('--server <url>', 'management address of a running instance (or env DORMOUSE_SERVER)')
    .option('--state-dir <dir>', `state directory of the instance to speak to (default: ./${DEFAULT_STATE_DIR})`)
}

export function withNamespaceOption(command: Command): Command {
  return command.option('-n, --namespace <name>', 'namespace of the object', DEFAULT_NAMESPACE)
}

export function connect(context: CliContext, options: ServerOptions): ApiClient {
  return createApiClient(serverOf(context, options))
}

export function connectEvents(context: CliContext, options: ServerOptions): EventsClient {
  return createEventsClient(serverOf(context, options))
}

function serverOf({ environment, cwd }: CliContext, options: ServerOptions): string {
  const { server = environment['DORMOUSE_SERVER'], stateDir } = options
  return findServer({ server, stateDir, cwd })
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

export function parseSeconds(text: string): number {
  const seconds = Number(/^([0-9]+(?:\.[0-9]+)?)s?$/.exec(text)?.[1] ?? NaN)
  if (Number.isFinite(seconds)) return seconds
  throw new InvalidArgumentError('Expected seconds, for example 30 or 30s.')
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
