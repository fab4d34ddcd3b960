import type { Command } from 'commander'
import { examples, formatOption, withConnection, withNamespaceOption, withServerOptions } from '../command-options.ts'
import type { Connection } from '../client/connection.ts'
import type { CliContext, ServerOptions } from '../context.ts'
import { printValue, type ObjectFormat } from '../output/print-object.ts'
import { describeTrigger } from '../output/trigger-state.ts'

interface TriggerOptions extends ServerOptions {
  namespace?: string
  output?: ObjectFormat
}

export function addTriggerCommand(program: Command, context: CliContext): void {
  const trigger = program.command('trigger').description('look at kafka and cron triggers')
  const describe = trigger
    .command('describe')
    .description('show what a trigger has done, what waits, and why')
    .argument('<name>', 'the trigger')
    .addOption(formatOption(['json', 'yaml']))
    .action((name: string, options: TriggerOptions) =>
      withConnection(context, options, (connection) => describeOne(context, connection, { ...options, name })),
    )
  withServerOptions(withNamespaceOption(describe)).addHelpText(
    'after',
    examples([
      ['dormouse trigger describe orders', 'lag, retries, dead letters, last errors'],
      ['dormouse trigger describe orders -o json | jq .lag', 'for programs'],
    ]),
  )
}

async function describeOne(
  context: CliContext,
  connection: Connection,
  options: TriggerOptions & { name: string },
): Promise<void> {
  const { name, namespace = connection.namespace, output } = options
  const state = await connection.events.trigger({ namespace, name })
  context.stdout.write(output === undefined ? describeTrigger(state, context.now()) : printValue(state, output))
}
