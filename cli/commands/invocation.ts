import type { Command } from 'commander'
import { examples, formatOption, withConnection, withServerOptions } from '../command-options.ts'
import type { CliContext, ServerOptions } from '../context.ts'
import { findInvocation } from './invoke-async.ts'
import { describeInvocation } from '../output/invocation.ts'
import { printValue, type ObjectFormat } from '../output/print-object.ts'

interface InvocationOptions extends ServerOptions {
  output?: ObjectFormat
}

export function addInvocationCommand(program: Command, context: CliContext): void {
  const invocation = program.command('invocation').description('look at asynchronous invocations')
  const get = invocation
    .command('get')
    .description('show how an asynchronous invocation stands')
    .argument('<id>', 'what `dormouse invoke --async` printed')
    .addOption(formatOption(['json', 'yaml']))
    .action((id: string, options: InvocationOptions) => getOne(context, id, options))
  withServerOptions(get).addHelpText(
    'after',
    examples([
      ['dormouse invocation get $(dormouse invoke hello --async)', 'status, attempts and result'],
      ['dormouse invocation get ID -o json | jq .status', 'for programs'],
    ]),
  )
}

/** Its id may have been printed an instant ago: `invocation get $(dormouse invoke hello --async)`. */
const PATIENCE_MS = 2_000

async function getOne(context: CliContext, id: string, options: InvocationOptions): Promise<void> {
  const info = await withConnection(context, options, ({ events }) =>
    findInvocation({ events, id, signal: context.signal, patienceMs: PATIENCE_MS }),
  )
  const { output } = options
  context.stdout.write(output === undefined ? describeInvocation(info, context.now()) : printValue(info, output))
}
