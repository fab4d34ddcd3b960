import type { Command } from 'commander'
import { CliError } from '../cli-error.ts'
import { examples, parseCount, withConnection, withNamespaceOption, withServerOptions } from '../command-options.ts'
import type { Connection } from '../client/connection.ts'
import type { CliContext, ServerOptions } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { FUNCTION_KIND, parseTarget } from '../kinds.ts'
import { writeDrained } from '../output/write-drained.ts'
import { logText } from '../output/log-text.ts'

interface LogsOptions extends ServerOptions {
  namespace?: string
  follow?: boolean
  tail?: number
}

export function addLogsCommand(program: Command, context: CliContext): void {
  const command = program
    .command('logs')
    .description('print what a function wrote to stdout and stderr')
    .argument('<name>', 'the function')
    .option('-f, --follow', 'go on printing until Ctrl-C')
    .option('--tail <lines>', 'begin with this many of the latest lines (default: 200)', parseCount)
    .action((name: string, options: LogsOptions) =>
      withConnection(context, options, (connection) => logs(context, name, { ...options, connection })),
    )
  withServerOptions(withNamespaceOption(command)).addHelpText(
    'after',
    examples([
      ['dormouse logs hello', 'the latest lines'],
      ['dormouse logs hello -f --tail 0', 'only what comes from now on'],
    ]),
  )
}

async function logs(
  context: CliContext,
  word: string,
  options: LogsOptions & { connection: Connection },
): Promise<void> {
  const { kind, names } = parseTarget([word], FUNCTION_KIND)
  if (kind.kind !== FUNCTION_KIND.kind) throw new CliError(EXIT.usage, 'only functions have logs')
  const { connection, tail, follow } = options
  const { namespace = connection.namespace } = options
  const query = { namespace, name: names[0] ?? '', ...(tail === undefined ? {} : { tail }) }
  const { stdout, stderr, signal } = context
  const over = new AbortController()
  if (follow === true)
    void sayWhenDeleted(connection, query, { stderr, signal: AbortSignal.any([signal, over.signal]) })
  try {
    for await (const { text, lost } of connection.objects.logs({ ...query, follow: follow === true }, signal)) {
      if (lost !== undefined)
        stderr.write(`dormouse: ${lost} lines are not here: they came faster than they were read\n`)
      else await writeDrained(stdout, logText(stdout, `${text}\n`), signal)
    }
  } finally {
    over.abort()
  }
  if (context.signal.aborted) throw new CliError(EXIT.interrupted, 'interrupted')
  if (follow === true) throw new CliError(EXIT.unreachable, 'the instance stopped; its logs end here')
}

/** Its pods may write on for a while, and one of its name may be applied again: who follows is told why it is quiet, not sent away. */
async function sayWhenDeleted(
  { objects }: Connection,
  { namespace, name }: { namespace: string; name: string },
  { stderr, signal }: Pick<CliContext, 'stderr' | 'signal'>,
): Promise<void> {
  try {
    for await (const { type } of objects.watch({ plural: 'functions', namespace, name }, signal)) {
      if (type !== 'deleted') continue
      stderr.write(`dormouse: Function ${namespace}/${name} was deleted; logs go on when there is one of its name\n`)
    }
  } catch {
    // Whoever may not watch Functions sees their logs all the same.
  }
}
