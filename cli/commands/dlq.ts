import { InvalidArgumentError, Option, type Command } from 'commander'
import type { DeadLetterFilter, RedriveResult } from '../../api/events-api.ts'
import { CliError } from '../cli-error.ts'
import type { EventsClient, LetterOwner } from '../client/events-client.ts'
import { examples, formatOption, parseCount, withConnection } from '../command-options.ts'
import { withNamespaceOption, withServerOptions } from '../command-options.ts'
import type { CliContext, ServerOptions } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { deadLetterTable, describeDeadLetter, letters, moveSentence } from '../output/dead-letters.ts'
import { printValue, type ObjectFormat } from '../output/print-object.ts'
import { createProgress } from '../output/progress.ts'
import { timeOf } from '../time-option.ts'

interface DlqOptions extends ServerOptions {
  namespace?: string
  trigger?: string
  function?: string
  id?: string
  class?: string
  since?: string
  until?: string
  key?: string
  origin?: string
}

interface ReadOptions extends DlqOptions {
  limit: number
  output?: ObjectFormat
}

interface MoveOptions extends DlqOptions {
  rate?: number
  again?: boolean
  dryRun?: boolean
  yes?: boolean
}

const CLASSES = 'timeout connect http-5xx http-4xx handled unhandled decode too-large expired'.split(' ')
const DEFAULT_LIMIT = 100

export function addDlqCommand(program: Command, context: CliContext): void {
  const dlq = program.command('dlq').description('look at dead letters, redrive them, or give them up')
  withDlqOptions(dlq.command('list').description('list dead letters, oldest first'))
    .option('--limit <number>', 'list at most so many', parseCount, DEFAULT_LIMIT)
    .addOption(formatOption(['json', 'yaml']))
    .action((options: ReadOptions) => withDlq(context, options, (dlq) => list(dlq, options)))
    .addHelpText(
      'after',
      examples([['dormouse dlq list --trigger orders --since 10m', 'those of the last ten minutes']]),
    )
  withDlqOptions(dlq.command('show').description('show one dead letter in full'))
    .argument('[id]', 'its id, from `dormouse dlq list`; also --id')
    .addOption(formatOption(['json', 'yaml']))
    .action((id: string | undefined, options: ReadOptions) =>
      withDlq(context, options, (dlq) => show(dlq, id, options)),
    )
    .addHelpText('after', examples([['dormouse dlq show 0-12 --trigger orders', 'error, origin, headers and value']]))
  withDlqOptions(dlq.command('redrive').description('put dead letters back into the way to their function'))
    .option('--rate <number>', 'at most so many per second (default: as fast as it goes)', parseRate)
    .option('--again', 'also those that were redriven or purged before')
    .option('--dry-run', 'say how many, and do nothing')
    .action((options: MoveOptions) => withDlq(context, options, (dlq) => redrive(dlq, options)))
    .addHelpText(
      'after',
      examples([
        ['dormouse dlq redrive --trigger orders --class timeout --dry-run', 'how many would go'],
        ['dormouse dlq redrive --trigger orders --rate 10', 'all of them, ten per second'],
      ]),
    )
  withDlqOptions(dlq.command('purge').description('give dead letters up: they are not listed any more'))
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'say how many, and do nothing')
    .action((options: MoveOptions) => withDlq(context, options, (dlq) => purge(dlq, options)))
    .addHelpText(
      'after',
      examples([['dormouse dlq purge --function hello --until 24h --yes', 'those older than a day']]),
    )
}

function withDlqOptions(command: Command): Command {
  command
    .option('--trigger <name>', 'of this kafka or cron trigger')
    .option('--function <name>', 'of the asynchronous invocations of this function')
    .option('--id <id>', 'only this one, by its id or delivery id')
    .addOption(new Option('--class <class>', 'only those that failed so').choices(CLASSES))
    .option('--since <time>', 'only those since: 2026-01-31T12:00:00Z, or so long ago: 10m')
    .option('--until <time>', 'only those until')
    .option('--key <text>', 'only records with this key')
    .option('--origin <place>', 'only records of topic, topic/partition or topic/partition@offset')
  return withServerOptions(withNamespaceOption(command))
}

interface Dlq {
  context: CliContext
  client: EventsClient
  owner: LetterOwner
}

async function withDlq(context: CliContext, options: DlqOptions, use: (dlq: Dlq) => Promise<void>): Promise<void> {
  checkOwner(options)
  await withConnection(context, options, ({ events: client, namespace }) =>
    use({ context, client, owner: ownerOf({ namespace, ...options }) }),
  )
}

async function list({ context, client, owner }: Dlq, options: ReadOptions): Promise<void> {
  const found = await client.deadLetters(
    owner,
    filterOf(context, options),
    // One more tells whether there are more.
    options.output === undefined ? options.limit + 1 : options.limit,
  )
  if (options.output !== undefined) return void context.stdout.write(printValue({ items: found }, options.output))
  const shown = found.slice(0, options.limit)
  if (shown.length > 0) context.stdout.write(`${deadLetterTable(shown, context.now())}\n`)
  if (found.length === 0) context.stderr.write('No dead letters found.\n')
  if (found.length > shown.length) context.stderr.write(`There are more than ${options.limit}; see --limit.\n`)
}

async function show({ context, client, owner }: Dlq, word: string | undefined, options: ReadOptions): Promise<void> {
  const id = word ?? options.id
  if (id === undefined) throw new CliError(EXIT.usage, 'name the dead letter to show: `dormouse dlq list` has the ids')
  const filter = filterOf(context, { ...options, id })
  const [letter] = await client.deadLetters(owner, filter, 1)
  if (letter === undefined) throw noSuchLetter(owner, id)
  const { output } = options
  context.stdout.write(output === undefined ? describeDeadLetter(letter, context.now()) : printValue(letter, output))
}

async function redrive(dlq: Dlq, options: MoveOptions): Promise<void> {
  const { context, client, owner } = dlq
  const { rate, dryRun = false, again = false } = options
  const request = { filter: filterOf(context, options), dryRun, again }
  if (rate === undefined || dryRun)
    return report(dlq, options, { result: await client.redrive(owner, request, context.signal), done: 'redriven' })
  const { matched } = await client.redrive(owner, { ...request, dryRun: true }, context.signal)
  const progress = createProgress(context.stderr)
  if (matched > rate) progress.show(`redriving ${letters(matched)}, about ${Math.ceil(matched / rate)} s`)
  const moving = client.redrive(owner, { ...request, ratePerSecond: rate }, context.signal)
  const result = await moving.finally(() => progress.clear())
  report(dlq, options, { result, done: 'redriven' })
}

async function purge(dlq: Dlq, options: MoveOptions): Promise<void> {
  const { context, client, owner } = dlq
  const { dryRun = false, yes = false } = options
  const filter = filterOf(context, options)
  if (!dryRun && !yes && context.ask === undefined)
    throw new CliError(EXIT.usage, 'purge gives dead letters up for good: say --yes, or see --dry-run')
  if (!dryRun && !yes) {
    const { matched } = await client.purge(owner, { filter, dryRun: true }, context.signal)
    if (matched > 0) await confirm(context, `Give up ${letters(matched)} of ${owner.kind}/${owner.name}? [y/N] `)
  }
  const result = await client.purge(owner, { filter, dryRun }, context.signal)
  report(dlq, options, { result, done: 'purged' })
}

async function confirm({ ask, signal }: CliContext, question: string): Promise<void> {
  const answer = await ask?.(question).catch(() => '')
  if (signal.aborted) throw new CliError(EXIT.interrupted, 'interrupted')
  if (!/^y(?:es)?$/i.test(answer?.trim() ?? '')) throw new CliError(EXIT.failure, 'nothing was purged')
}

function report(
  { context: { stdout, stderr }, owner }: Dlq,
  options: MoveOptions,
  { result, done }: { result: RedriveResult; done: string },
): void {
  if (result.matched === 0 && options.id !== undefined) throw noSuchLetter(owner, options.id)
  stdout.write(`${moveSentence(result, done, options.dryRun === true)}\n`)
  const { refused } = result
  for (const { id, reason } of refused) stderr.write(`${id}: ${reason}\n`)
  if (refused.length > 0) throw new CliError(EXIT.failure, `${letters(refused.length)} could not be ${done}`)
}

function checkOwner({ trigger, function: fn }: DlqOptions): void {
  if ((trigger === undefined) !== (fn === undefined)) return
  throw new CliError(EXIT.usage, 'say whose dead letters: --trigger NAME or --function NAME, one of them')
}

/** Checked before. */
function ownerOf({ namespace, trigger, function: fn = '' }: DlqOptions & { namespace: string }): LetterOwner {
  return trigger === undefined
    ? { kind: 'function', namespace, name: fn }
    : { kind: 'trigger', namespace, name: trigger }
}

function filterOf(context: CliContext, options: DlqOptions): DeadLetterFilter {
  const { id, class: errorClass, since, until, key, origin } = options
  const nowMs = context.now()
  return {
    ...(id !== undefined && { id }),
    ...(errorClass !== undefined && { class: errorClass }),
    ...(since !== undefined && { since: timeOf('--since', since, nowMs) }),
    ...(until !== undefined && { until: timeOf('--until', until, nowMs) }),
    ...(key !== undefined && { key }),
    // As `publish`, `events tail` and `dlq show` write it; topics have no @.
    ...(origin !== undefined && { origin: origin.replace(/@(?=\d+$)/, '/') }),
  }
}

function noSuchLetter({ kind, namespace, name }: LetterOwner, id: string): CliError {
  return new CliError(EXIT.notFound, `there is no dead letter ${id} of ${kind} ${namespace}/${name} that fits`)
}

function parseRate(text: string): number {
  const rate = Number(text)
  if (text.trim() !== '' && rate > 0 && rate <= 10_000) return rate
  throw new InvalidArgumentError('Expected records per second, more than 0 and at most 10000.')
}
