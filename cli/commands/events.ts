import { Option, type Command } from 'commander'
import { CliError } from '../cli-error.ts'
import { examples, formatOption, parseCount, withConnection, withServerOptions } from '../command-options.ts'
import type { CliContext, ServerOptions } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { writeDrained } from '../output/write-drained.ts'
import { formatRecord } from '../output/payload.ts'

interface TailOptions extends ServerOptions {
  from: 'earliest' | 'latest'
  max?: number
  follow?: boolean
  output?: 'json'
}

export function addEventsCommand(program: Command, context: CliContext): void {
  const events = program.command('events').description('look at the records of topics')
  const tail = events
    .command('tail')
    .description('print the records of a topic; commits nothing')
    .argument('<topic>', 'the topic')
    .addOption(
      new Option('--from <where>', 'begin at the first record, or with the next one (needs -f)')
        .choices(['earliest', 'latest'])
        .default('earliest'),
    )
    .option('--max <number>', 'end after this many records', parseCount)
    .option('-f, --follow', 'go on printing what comes until Ctrl-C')
    .addOption(formatOption(['json']))
    .action((topic: string, options: TailOptions) => tailTopic(context, topic, options))
  withServerOptions(tail).addHelpText(
    'after',
    examples([
      ['dormouse events tail orders --max 10', 'the first ten records'],
      ['dormouse events tail orders -f --from latest', 'only what comes from now on'],
      ['dormouse events tail orders -o json | jq .value', 'one JSON object per line'],
    ]),
  )
}

async function tailTopic(context: CliContext, topic: string, options: TailOptions): Promise<void> {
  const { from, max, output, follow = false } = options
  if (from === 'latest' && !follow)
    throw new CliError(EXIT.usage, '--from latest waits for the next record: add -f, or leave it out')
  const query = { topic, from, follow, ...(max !== undefined && { max }) }
  let printed = 0
  await withConnection(context, options, async (connection) => {
    for await (const record of connection.events.tail(query, context.signal)) {
      const text = output === 'json' ? JSON.stringify(record) : formatRecord(record)
      await writeDrained(context.stdout, `${text}\n`, context.signal)
      printed++
    }
  })
  if (context.signal.aborted) throw new CliError(EXIT.interrupted, 'interrupted')
  if (follow && printed !== max) throw new CliError(EXIT.unreachable, 'the instance stopped; its records end here')
}
