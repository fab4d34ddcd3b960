import type { Command } from 'commander'
import { LABEL } from '../../api/names.ts'
import type { KubeObject } from '../../api/object.ts'
import type { Trigger } from '../../api/trigger.ts'
import type { ApiClient } from '../client/api-client.ts'
import type { Connection } from '../client/connection.ts'
import { CliError } from '../cli-error.ts'
import { examples, withConnection, withNamespaceOption, withServerOptions } from '../command-options.ts'
import type { CliContext, ServerOptions } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { parseTarget, POD_KIND, type CliKind } from '../kinds.ts'
import { objectTable } from '../output/columns.ts'
import { describeObject } from '../output/describe-object.ts'
import { consumptionSection } from '../output/trigger-state.ts'

interface DescribeOptions extends ServerOptions {
  namespace?: string
}

export function addDescribeCommand(program: Command, context: CliContext): void {
  const command = program
    .command('describe')
    .description('show one object with its conditions, pods and events')
    .argument('<kind>', 'functions (fn), triggers (trg), runtimes (rt) or pods (po)')
    .argument('[name]', 'its name; also KIND/NAME in one word')
    .action((kind: string, name: string | undefined, options: DescribeOptions) =>
      withConnection(context, options, (connection) =>
        describe({ context, connection, options }, name === undefined ? [kind] : [kind, name]),
      ),
    )
  withServerOptions(withNamespaceOption(command)).addHelpText(
    'after',
    examples([['dormouse describe fn hello', 'why a function is, or is not, ready']]),
  )
}

interface Describing {
  context: CliContext
  connection: Connection
  options: DescribeOptions
}

async function describe({ context, connection, options }: Describing, words: readonly string[]): Promise<void> {
  const { kind, names } = parseTarget(words)
  const [name] = names
  if (name === undefined) throw new CliError(EXIT.usage, `name the ${kind.kind.toLowerCase()} to describe`)
  const { objects: client } = connection
  const { namespace = connection.namespace } = options
  const object = await client.get({ plural: kind.plural, name, namespace })
  const events = await client.events({ namespace, kind: kind.kind, name })
  const nowMs = context.now()
  const pods = kind.kind === 'Function' ? await podsTable(client, { namespace, name, nowMs }) : ''
  const consumption = hasConsumption(object) ? await consumptionOf(connection, { namespace, kind, name, nowMs }) : ''
  context.stdout.write(`${describeObject({ object, pods, events, nowMs })}${consumption}`)
}

/** Kafka and cron Triggers, and Functions: they may be invoked asynchronously. */
function hasConsumption(object: KubeObject): boolean {
  if (object.kind !== 'Trigger') return object.kind === 'Function'
  const { spec } = object as Trigger
  return spec.kafka !== undefined || spec.cron !== undefined
}

/** One that is not followed yet, or never will be, or where nobody may ask, has a description all the same. */
async function consumptionOf(
  { events }: Connection,
  { namespace, kind: { kind }, name, nowMs }: { namespace: string; kind: CliKind; name: string; nowMs: number },
): Promise<string> {
  const key = { namespace, name }
  try {
    if (kind === 'Trigger') return `\n${consumptionSection(await events.trigger(key), nowMs)}`
    const state = await events.invocations(key)
    if (state.sources.every(({ end }) => end === 0)) return ''
    return `\nAsynchronous invocations\n${consumptionSection(state, nowMs)}`
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    const title = kind === 'Trigger' ? 'Consumption:  ' : 'Asynchronous invocations: '
    if (error.exitCode !== EXIT.notFound) return `\n${title}unknown: ${error.message}\n`
    return kind === 'Trigger' ? `\n${title}not followed yet\n` : ''
  }
}

async function podsTable(
  client: ApiClient,
  { namespace, name, nowMs }: { namespace: string; name: string; nowMs: number },
): Promise<string> {
  const pods = await client.list({ plural: POD_KIND.plural, namespace })
  const objects = pods.filter(({ metadata }) => metadata.labels?.[LABEL.function] === name)
  const kind: CliKind = POD_KIND
  return objects.length === 0 ? '' : objectTable({ kind, objects, withNamespace: false, nowMs })
}
