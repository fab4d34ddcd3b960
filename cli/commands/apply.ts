import type { Command } from 'commander'
import type { ApplyResult } from '../../local/api/apply.ts'
import type { ApiClient } from '../client/api-client.ts'
import { CliError, describeMistake } from '../cli-error.ts'
import type { Connection } from '../client/connection.ts'
import {
  collect,
  examples,
  parseSeconds,
  withConnection,
  withNamespaceOption,
  withServerOptions,
} from '../command-options.ts'
import type { CliContext, ServerOptions } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { kindNamed } from '../kinds.ts'
import type { LoadedManifest } from '../manifests/load-manifests.ts'
import { requireManifests } from '../manifests/require-manifests.ts'
import { mistakesIn } from '../manifests/server-mistakes.ts'
import { placeAll } from '../manifests/place.ts'
import { createProgress } from '../output/progress.ts'
import { describeRollout, waitForRollout, type RolloutEnd } from '../rollout/wait-for-rollout.ts'

interface ApplyOptions extends ServerOptions {
  namespace?: string
  filename: string[]
  wait: boolean
  timeout: number
}

export function addApplyCommand(program: Command, context: CliContext): void {
  const command = program
    .command('apply')
    .description('create or change what manifests describe, and wait until it serves')
    .requiredOption('-f, --filename <path>', 'file, folder (with its subfolders) or - (stdin); repeatable', collect)
    .option('--no-wait', 'do not wait until it serves')
    .option('--timeout <seconds>', 'how long to wait; 0 = look once', parseSeconds, 60)
    .action((options: ApplyOptions) => apply(context, options))
  withServerOptions(withNamespaceOption(command)).addHelpText(
    'after',
    examples([
      ['dormouse apply -f hello.yaml', 'one file; `spec.code.path` is packed in'],
      ['dormouse apply -f app/', 'every manifest below a folder'],
      ['cat fn.yaml | dormouse apply -f -', 'from standard input'],
    ]),
  )
}

async function apply(context: CliContext, options: ApplyOptions): Promise<void> {
  const manifests = await requireManifests(context, options.filename)
  await withConnection(context, options, (connection) => applyAll({ context, connection, options }, manifests))
}

interface Applying {
  context: CliContext
  connection: Connection
  options: ApplyOptions
}

async function applyAll({ context, connection, options }: Applying, loaded: readonly LoadedManifest[]): Promise<void> {
  const { objects: client } = connection
  const manifests = placeAll(loaded, { given: options.namespace, otherwise: connection.namespace })
  const results = await client.apply(manifests)
  results.forEach((result, index) => tellOutcome(context, result, loaded[index]))
  const refused = results.filter(({ outcome }) => outcome === 'refused').length
  const failed = options.wait ? await waitForAll({ context, client, results, timeoutMs: options.timeout * 1000 }) : 0
  if (refused > 0) throw new CliError(EXIT.invalidManifest, `${count(refused)} refused`)
  if (failed > 0) throw new CliError(EXIT.failure, `${count(failed)} not ready`)
}

const count = (objects: number) => (objects === 1 ? '1 object was' : `${objects} objects were`)
const nameOf = ({ kind, name }: ApplyResult) => `${kind.toLowerCase()}/${name}`

function tellOutcome({ stdout, stderr }: CliContext, result: ApplyResult, loaded: LoadedManifest | undefined): void {
  if (result.outcome !== 'refused') return void stdout.write(`${nameOf(result)} ${result.outcome}\n`)
  const mistakes = loaded === undefined ? [] : mistakesIn(result, loaded)
  if (mistakes.length > 0) return void stderr.write(`${mistakes.map(describeMistake).join('\n')}\n`)
  stderr.write(`${nameOf(result)} refused: ${result.message ?? ''}\n`)
}

interface Waiting {
  context: CliContext
  client: ApiClient
  results: readonly ApplyResult[]
  timeoutMs: number
}

/** How many did not become ready. */
async function waitForAll({ context, client, results, timeoutMs }: Waiting): Promise<number> {
  const progress = createProgress(context.stderr)
  const startedAt = performance.now()
  const targets = results.filter(({ kind, outcome }) => kind !== 'Runtime' && outcome !== 'refused')
  let failed = 0
  const follow = async (result: ApplyResult) => {
    const { kind, name, namespace, generation = 1 } = result
    const target = {
      plural: kindNamed(kind).plural,
      name,
      generation,
      ...(namespace === undefined ? {} : { namespace }),
    }
    const waiting = (waitingFor: string) => progress.show(`${nameOf(result)}: ${waitingFor}`)
    const end = await waitForRollout({ client, target, timeoutMs, signal: context.signal, waiting })
    progress.clear()
    const line = `${describeRollout(nameOf(result), end, performance.now() - startedAt)}\n`
    if (isFine(end)) return context.stdout.write(line)
    failed += 1
    return context.stderr.write(line)
  }
  try {
    await Promise.all(targets.map(follow))
  } finally {
    progress.clear()
  }
  return failed
}

function isFine(end: RolloutEnd): boolean {
  return end.kind === 'ready'
}
