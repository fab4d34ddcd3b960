import type { Command } from 'commander'
import { publishEvent, type NewEvent } from '../client/events-client.ts'
import { CliError } from '../cli-error.ts'
import { collect, examples, parseCount, withConnection, withServerOptions } from '../command-options.ts'
import type { Door } from '../client/door.ts'
import type { CliContext, ServerOptions } from '../context.ts'
import { dataText, readData } from '../data-option.ts'
import { EXIT } from '../exit-codes.ts'
import { formatPosition } from '../output/payload.ts'
import { evenUnread } from '../until-interrupted.ts'

interface PublishOptions extends ServerOptions {
  data?: string
  key?: string
  partition?: number
  header?: string[]
  tombstone?: boolean
  lines?: boolean
}

export function addPublishCommand(program: Command, context: CliContext): void {
  const command = program
    .command('publish')
    .description('append records to a topic and print where they are: topic/partition@offset')
    .argument('<topic>', 'the topic; made when there is none')
    .option('-d, --data <text>', 'the value: text, @FILE, or - for standard input (default: -)')
    .option('--key <text>', 'the key: records with the same key keep their order')
    .option('--partition <number>', 'the partition (default: by key)', parseCount)
    .option(
      '--header <line>',
      "'name: value': content-type, content-encoding, traceparent or ce-… (repeatable)",
      collect,
    )
    .option('--tombstone', 'no value: what the key names is deleted')
    .option('--lines', 'one record per line of the data, empty lines left out')
    .action((topic: string, options: PublishOptions) => publish(context, topic, options))
  withServerOptions(command).addHelpText(
    'after',
    examples([
      [`dormouse publish orders --key ada -d '{"n":1}'`, 'one record'],
      ['dormouse publish orders --lines -d @orders.ndjson', 'one per line of a file'],
      [`dormouse publish orders --header 'ce-type: order.made' -d '{}'`, 'an attribute of the CloudEvent'],
      ['dormouse publish orders --key ada --tombstone', 'a record without value'],
    ]),
  )
}

async function publish(context: CliContext, topic: string, options: PublishOptions): Promise<void> {
  const { tombstone, lines, data, key, partition } = options
  if (tombstone === true && (lines === true || data !== undefined))
    throw new CliError(EXIT.usage, '--tombstone is a record without value: leave out --data and --lines')
  const headers = (options.header ?? []).map(parseHeader)
  const event = { topic, headers, ...(key !== undefined && { key }), ...(partition !== undefined && { partition }) }
  const values = await valuesOf(context, options)
  await withConnection(context, options, async (connection) => {
    const gateway = await connection.gateway()
    // One after the other: in a partition they stand as they stood in the file.
    const signal = evenUnread(context.signal)
    for (const value of values) await publishOne({ ...context, signal }, gateway, { ...event, value })
  })
}

async function publishOne({ stdout, signal }: CliContext, gateway: Door, event: NewEvent): Promise<void> {
  if (signal.aborted) throw new CliError(EXIT.interrupted, 'interrupted')
  stdout.write(`${formatPosition(await publishEvent(gateway, event, signal))}\n`)
}

async function valuesOf(context: CliContext, options: PublishOptions): Promise<(Buffer | null)[]> {
  if (options.tombstone === true) return [null]
  const { data: named = '-' } = options
  const data = await readData(context, named)
  if (options.lines !== true) return [data]
  const lines = dataText(data, named).split(/\r?\n/)
  const values = lines.filter((line) => line !== '').map((line) => Buffer.from(line))
  if (values.length === 0) throw new CliError(EXIT.usage, '--lines: there is no line that is not empty')
  return values
}

/** What else there is in a request is about the request, and never becomes part of a record. */
const PASSED_ON = /^(?:content-type|content-encoding|traceparent|ce-[a-z0-9]+)$/i

function parseHeader(line: string): [name: string, value: string] {
  const [, name = '', value = ''] = /^([^:\s]+)\s*:\s*(.*?)\s*$/s.exec(line) ?? []
  if (name === '') throw new CliError(EXIT.usage, `--header: expected 'name: value', got ${JSON.stringify(line)}`)
  if (!PASSED_ON.test(name))
    throw new CliError(
      EXIT.usage,
      `--header: records take content-type, content-encoding, traceparent and ce-… attributes, got ${name}`,
    )
  return [name, name.toLowerCase().startsWith('ce-') ? encoded(value) : plain(name, value)]
}

/** As CloudEvents over HTTP encode attributes: what is not printable ASCII, quotes and percent signs. */
function encoded(value: string): string {
  return value.replace(/[^\x21\x23\x24\x26-\x7e ]/gu, encodeURIComponent)
}

function plain(name: string, value: string): string {
  if (/^[\x20-\x7e]*$/.test(value)) return value
  throw new CliError(EXIT.usage, `--header: ${name} takes printable ASCII only`)
}
