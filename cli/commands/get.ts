import type { Command } from 'commander'
import type { KubeObject } from '../../api/object.ts'
import type { ApiClient } from '../client/api-client.ts'
import { CliError } from '../cli-error.ts'
import { examples, NAMESPACE_HELP, outputOption, withConnection, withServerOptions } from '../command-options.ts'
import type { Connection } from '../client/connection.ts'
import type { CliContext, ServerOptions } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { ALL_KINDS, parseTarget, type CliKind } from '../kinds.ts'
import { objectTable } from '../output/columns.ts'
import { printObjects } from '../output/print-object.ts'

interface GetOptions extends ServerOptions {
  output: 'table' | 'json' | 'yaml' | 'name'
  namespace?: string
  allNamespaces?: boolean
}

export function addGetCommand(program: Command, context: CliContext): void {
  const command = program
    .command('get')
    .description('list objects, or show some by name')
    .argument('<kind>', 'functions (fn), triggers (trg), runtimes (rt), pods (po) or all')
    .argument('[names...]', 'only these')
    .addOption(outputOption(['table', 'json', 'yaml', 'name']))
    .option('-n, --namespace <name>', NAMESPACE_HELP)
    .option('-A, --all-namespaces', 'look in all namespaces')
    .action((kind: string, names: string[], options: GetOptions) =>
      withConnection(context, options, (connection) => {
        const { namespace = connection.namespace } = options
        return get({ context, connection, options: { ...options, namespace } }, [kind, ...names])
      }),
    )
  withServerOptions(command).addHelpText(
    'after',
    examples([
      ['dormouse get fn', 'functions with readiness, pods and URL'],
      ['dormouse get fn hello -o yaml', 'one function as YAML'],
      ['dormouse get all -A', 'everything everywhere'],
    ]),
  )
}

interface Listing {
  kind: CliKind
  objects: KubeObject[]
  /** One was asked for by name, not a list. */
  single: boolean
  /** Of what was asked for by name and is not there. */
  missing: readonly CliError[]
}

interface Getting {
  context: CliContext
  connection: Connection
  options: GetOptions & { namespace: string }
}

async function get({ context, connection, options }: Getting, words: readonly string[]): Promise<void> {
  const all = words[0] === 'all'
  if (all && words.length > 1) throw new CliError(EXIT.usage, '`get all` takes no names')
  const { objects: client } = connection
  const listings = all
    ? await Promise.all(ALL_KINDS.map((kind) => list(client, { kind, names: [] }, options)))
    : [await list(client, parseTarget(words), options)]
  const missing = listings.flatMap((listing) => listing.missing)
  if (listings.some(({ objects }) => objects.length > 0) || missing.length === 0) print({ context, options }, listings)
  if (missing.length > 0) throw allMissing(missing)
}

function print({ context, options }: Pick<Getting, 'context' | 'options'>, listings: readonly Listing[]): void {
  const objects = listings.flatMap((listing) => listing.objects)
  const { output } = options
  if (output === 'name') return void context.stdout.write(objects.map(nameLine).join(''))
  const single = listings[0]?.single === true
  if (output !== 'table') return void context.stdout.write(printObjects(objects, output, single))
  if (objects.length === 0) return void context.stderr.write(`${nothingFound(options)}\n`)
  context.stdout.write(`${tables(context, listings, options)}\n`)
}

async function list(
  client: ApiClient,
  target: { kind: CliKind; names: string[] },
  options: Getting['options'],
): Promise<Listing> {
  const { kind, names } = target
  const where = options.allNamespaces === true ? {} : { namespace: options.namespace }
  const { plural } = kind
  if (names.length === 0) return { kind, single: false, missing: [], objects: await client.list({ plural, ...where }) }
  if (options.allNamespaces === true) throw new CliError(EXIT.usage, 'names cannot be given together with -A')
  const found = await Promise.all(names.map((name) => client.get({ plural, name, ...where }).catch(ifMissing)))
  const missing = found.filter((each) => each instanceof CliError)
  const objects = found.filter((each): each is KubeObject => !(each instanceof CliError))
  return { kind, single: names.length === 1, missing, objects }
}

function ifMissing(error: unknown): CliError {
  if (error instanceof CliError && error.exitCode === EXIT.notFound) return error
  throw error
}

function allMissing(missing: readonly CliError[]): CliError {
  return new CliError(EXIT.notFound, missing.map(({ message }) => message).join('\ndormouse: '))
}

function tables(context: CliContext, listings: readonly Listing[], options: GetOptions): string {
  return listings
    .filter(({ objects }) => objects.length > 0)
    .map(({ kind, objects }) => {
      const withNamespace = options.allNamespaces === true
      const shown = listings.length > 1 ? objects.map((object) => prefixed(kind, object)) : objects
      return objectTable({ kind, objects: shown, withNamespace, nowMs: context.now() })
    })
    .join('\n\n')
}

/** In a list of several kinds a name says its kind: `function/hello`. */
function prefixed(kind: CliKind, object: KubeObject): KubeObject {
  const name = `${kind.kind.toLowerCase()}/${object.metadata.name}`
  return { ...object, metadata: { ...object.metadata, name } }
}

const nameLine = ({ kind, metadata }: KubeObject) => `${kind.toLowerCase()}/${metadata.name}\n`

function nothingFound({ allNamespaces, namespace }: Getting['options']): string {
  return allNamespaces === true ? 'No resources found.' : `No resources found in namespace ${namespace}.`
}
