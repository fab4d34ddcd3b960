import type { Command } from 'commander'
import type { ApiClient } from '../client/api-client.ts'
import { CliError } from '../cli-error.ts'
import { collect, examples, withConnection, withNamespaceOption, withServerOptions } from '../command-options.ts'
import type { Connection } from '../client/connection.ts'
import type { CliContext, ServerOptions } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { kindNamed, parseTarget, type CliKind } from '../kinds.ts'
import { placeAll } from '../manifests/place.ts'
import { requireManifests } from '../manifests/require-manifests.ts'

interface DeleteOptions extends ServerOptions {
  namespace?: string
  filename?: string[]
  ignoreNotFound?: boolean
}

interface Target {
  kind: CliKind
  name: string
  namespace: string
}

export function addDeleteCommand(program: Command, context: CliContext): void {
  const command = program
    .command('delete')
    .description('delete objects by name, or those a manifest names')
    .argument('[kind]', 'functions (fn), triggers (trg), runtimes (rt) or pods (po)')
    .argument('[names...]', 'their names')
    .option('-f, --filename <path>', 'delete what this file, folder or - (stdin) names; repeatable', collect)
    .option('--ignore-not-found', 'what does not exist is no failure')
    .action((kind: string | undefined, names: string[], options: DeleteOptions) =>
      withConnection(context, options, (connection) =>
        deleteAll({ context, connection, options }, kind === undefined ? [] : [kind, ...names]),
      ),
    )
  withServerOptions(withNamespaceOption(command)).addHelpText(
    'after',
    examples([
      ['dormouse delete fn hello', 'one function and its pods'],
      ['dormouse delete -f app.yaml', 'everything a manifest names'],
    ]),
  )
}

interface Deletion {
  context: CliContext
  connection: Connection
  options: DeleteOptions
}

async function deleteAll(deletion: Deletion, words: readonly string[]): Promise<void> {
  const { context, connection, options } = deletion
  const targets = options.filename === undefined ? named(deletion, words) : await fromFiles(deletion, words)
  const { objects: client } = connection
  let missing: CliError | undefined
  for (const target of targets) {
    const gone = await deleteOne(client, target, context)
    missing ??= gone
    if (gone !== undefined && options.ignoreNotFound !== true) context.stderr.write(`dormouse: ${gone.message}\n`)
  }
  if (missing !== undefined && options.ignoreNotFound !== true)
    throw new CliError(EXIT.notFound, 'not everything that was named existed')
}

/** The error when it was not there. */
async function deleteOne(
  client: ApiClient,
  { kind, name, namespace }: Target,
  context: CliContext,
): Promise<CliError | undefined> {
  try {
    await client.delete({ plural: kind.plural, name, namespace })
    context.stdout.write(`${kind.kind.toLowerCase()}/${name} deleted\n`)
    return undefined
  } catch (error) {
    if (error instanceof CliError && error.exitCode === EXIT.notFound) return error
    throw error
  }
}

function named({ connection, options }: Deletion, words: readonly string[]): Target[] {
  const { namespace = connection.namespace } = options
  if (words.length === 0) throw new CliError(EXIT.usage, 'name what to delete: KIND NAME, or -f FILE')
  const { kind, names } = parseTarget(words)
  if (names.length === 0) throw new CliError(EXIT.usage, `name the ${kind.plural} to delete`)
  return names.map((name) => ({ kind, name, namespace }))
}

async function fromFiles({ context, connection, options }: Deletion, words: readonly string[]): Promise<Target[]> {
  const { namespace = connection.namespace } = options
  if (words.length > 0) throw new CliError(EXIT.usage, 'give either KIND NAME or -f FILE, not both')
  const manifests = await requireManifests(context, options.filename ?? [])
  // As `apply` does: what is elsewhere than --namespace says is not meant.
  placeAll(manifests, { given: options.namespace, otherwise: namespace })
  return manifests.map(({ manifest }) => ({
    kind: kindNamed(manifest.kind),
    name: manifest.metadata.name,
    namespace: manifest.metadata.namespace ?? namespace,
  }))
}
