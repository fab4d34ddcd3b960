import type { Command } from 'commander'
import { connectEvents, examples, formatOption, withNamespaceOption, withServerOptions } from '../command-options.ts'
import type { CliContext, ServerOptions } from '../context.ts'
import { printValue, type ObjectFormat } from '../output/print-object.ts'
import { describeTrigger } from '../output/trigger-state.ts'

interface TriggerOptions extends ServerOptions {
  namespace: string
  output?: ObjectFormat
}

export function addTriggerCommand(program: Command, context: CliContext): void {
  const trigger = program.command('trigger').description('look at kafka and cron triggers')
  const describe = trigger
    .command('describe')
    .description('show what a trigger has done, what waits, and why')
    .argument('<name>', 'the trigger')
    .addOption(formatOption(['json', 'yaml']))
    .action((name: string, options: TriggerOptions) => describeOne(context, name, options))
  withServerOptions(withNamespaceOption(describe)).addHelpText(
    'after',
    examples([
      ['dormouse trigger describe orders', 'lag, retries, dead letters, last errors'],
      ['dormouse trigger describe orders -o json | jq .lag', 'for programs'],
    ]),
  )
}

async function describeOne(context: CliContext, name: string, options: TriggerOptions): Promise<void> {
  const { namespace, output } = options
  const state = await connectEvents(context, options).trigger({ namespace, name })
  context.stdout.write(output === undefined ? describeTrigger(state, context.now()) : printValue(state, output))
}
