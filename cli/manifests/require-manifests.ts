/** What `-f` names, for commands that have nothing to do without it. */
import { CliError, ManifestError } from '../cli-error.ts'
import type { CliContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { untilInterrupted } from '../until-interrupted.ts'
import { loadManifests, type LoadedManifest } from './load-manifests.ts'

/** At least one. Throws ManifestError where something is wrong with one, CliError where there are none. */
export async function requireManifests(
  { cwd, readStdin, signal }: CliContext,
  sources: readonly string[],
): Promise<LoadedManifest[]> {
  const { manifests, mistakes } = await untilInterrupted(signal, loadManifests({ sources, cwd, readStdin }))
  if (mistakes.length > 0) throw new ManifestError(mistakes)
  if (manifests.length > 0) return manifests
  throw new CliError(EXIT.failure, noManifests(sources))
}

export function noManifests(sources: readonly string[]): string {
  return `no manifests found in ${sources.map((source) => (source === '-' ? 'standard input' : source)).join(', ')}`
}
