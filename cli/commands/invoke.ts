import type { Command } from 'commander'
import type { DormouseFunction } from '../../api/function.ts'
import { HEADER } from '../../api/names.ts'
import { CliError } from '../cli-error.ts'
import type { Connection } from '../client/connection.ts'
import type { Door } from '../client/door.ts'
import { answered } from '../client/transport.ts'
import { examples, withConnection, withNamespaceOption, withServerOptions } from '../command-options.ts'
import type { CliContext, ServerOptions } from '../context.ts'
import { readData } from '../data-option.ts'
import { EXIT } from '../exit-codes.ts'
import { FUNCTION_KIND, parseTarget } from '../kinds.ts'
import { writeDrained } from '../output/write-drained.ts'
import { logText } from '../output/log-text.ts'
import { acceptedId, refusal, waitForInvocation } from './invoke-async.ts'
import { requestOf, type InvokeData } from './invoke-request.ts'

interface InvokeOptions extends ServerOptions {
  namespace?: string
  data?: string
  tail?: boolean
  async?: boolean
  wait?: boolean
}

export function addInvokeCommand(program: Command, context: CliContext): void {
  const command = program
    .command('invoke')
    .description('call a function and print its result')
    .argument('<name>', 'the function')
    .option('-d, --data <json>', 'the event: JSON, @FILE, or - for standard input')
    .option('--tail', "print the invocation's log lines on stderr")
    .option('--async', 'hand the event over, print the id of the invocation, and do not wait for its result')
    .option('--wait', 'with --async: wait until it ended, and print the result')
    .action((name: string, options: InvokeOptions) => invoke(context, name, options))
  withServerOptions(withNamespaceOption(command)).addHelpText(
    'after',
    examples([
      [`dormouse invoke hello --data '{"name":"Ada"}'`, 'call with an event'],
      ['dormouse invoke hello --data @event.json --tail', 'event from a file, logs on stderr'],
      ['dormouse invoke hello --async', 'now or later, with retries; prints an id'],
    ]),
  )
}

async function invoke(context: CliContext, word: string, options: InvokeOptions): Promise<void> {
  const { kind, names } = parseTarget([word], FUNCTION_KIND)
  if (kind.kind !== FUNCTION_KIND.kind) throw new CliError(EXIT.usage, 'only functions can be invoked')
  checkOptions(options)
  const name = names[0] ?? ''
  const data =
    options.data === undefined ? undefined : { named: options.data, bytes: await readData(context, options.data) }
  await withConnection(context, options, async (connection) => {
    const { namespace = connection.namespace } = options
    const found = await connection.objects.get({ plural: kind.plural, name, namespace })
    await invokeFunction({ context, connection, options }, found as DormouseFunction, data)
  })
}

interface Invoking {
  context: CliContext
  connection: Connection
  options: InvokeOptions
}

async function invokeFunction(
  invoking: Invoking,
  target: DormouseFunction,
  data: InvokeData | undefined,
): Promise<void> {
  const { context, connection, options } = invoking
  const { namespace = connection.namespace, name } = target.metadata
  const path = `/fn/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`
  if (options.async === true) return invokeAsync(invoking, path, requestOf(target, data))
  const gateway = await connection.gateway()
  const init = requestOf(target, data, options.tail === true ? { [HEADER.logType]: 'Tail' } : {})
  const response = await call(context, gateway, { path, init })
  if (options.tail === true) context.stderr.write(logText(context.stderr, logTail(response, target)))
  await printResult(context, response)
}

function checkOptions({ async = false, wait = false, tail = false }: InvokeOptions): void {
  if (wait && !async) throw new CliError(EXIT.usage, '--wait goes with --async: without it, the command waits anyway')
  if (tail && async) throw new CliError(EXIT.usage, '--tail does not go with --async; see `dormouse logs`')
}

async function invokeAsync({ context, connection, options }: Invoking, path: string, init: RequestInit): Promise<void> {
  const headers = { ...(init.headers as Record<string, string>), [HEADER.invocationType]: 'event' }
  const id = await acceptedId(await call(context, await connection.gateway(), { path, init: { ...init, headers } }))
  if (options.wait === true) return waitForInvocation(context, connection.events, id)
  context.stdout.write(`${id}\n`)
}

interface Call {
  path: string
  init: RequestInit
}

function call({ signal }: CliContext, gateway: Door, { path, init }: Call): Promise<Response> {
  return answered(gateway, gateway.send(path, { ...init, signal, redirect: 'manual', patient: true }), signal)
}

function logTail(response: Response, { spec, metadata }: DormouseFunction): string {
  if (spec.signature === 'http')
    return `dormouse: functions of signature http send no log tail; see \`dormouse logs ${metadata.name}\`\n`
  const log = response.headers.get(HEADER.logResult)
  // Of a streamed one it is a trailer, which fetch does not tell.
  if (log === null && response.status === 200)
    return `dormouse: this answer came without its log; see \`dormouse logs ${metadata.name}\`\n`
  const text = Buffer.from(log ?? '', 'base64').toString('utf8')
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}

/** The function's answer on stdout, whatever it is; the platform's own refusals are errors of the command. */
async function printResult(context: CliContext, response: Response): Promise<void> {
  const failure = response.headers.get(HEADER.error)
  const type = response.headers.get('content-type') ?? ''
  if (failure === null && type.startsWith('application/problem+json')) throw await refusal(response)
  const last = await printBody(context, response)
  if (last !== undefined && last !== NEWLINE && !BINARY.test(type)) context.stdout.write('\n')
  if (failure !== null) throw new CliError(EXIT.functionError, `the function failed (${failure})`)
  if (response.status >= 400) throw new CliError(EXIT.functionError, `the function answered ${response.status}`)
}

const NEWLINE = 10
/** A byte more would spoil these. */
const BINARY = /^(?:image|audio|video|font)\/|^application\/(?:octet-stream|pdf|zip|gzip|wasm)/

/** Piece by piece as it comes. Returns its last byte; undefined for an empty one. */
async function printBody({ stdout, signal }: CliContext, { body }: Response): Promise<number | undefined> {
  let last: number | undefined
  try {
    for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
      last = chunk.at(-1) ?? last
      await writeDrained(stdout, chunk, signal)
    }
    return last
  } catch (cause) {
    if (signal.aborted) throw new CliError(EXIT.interrupted, 'interrupted')
    throw new CliError(EXIT.failure, 'the answer was cut off before its end', { cause })
  }
}
