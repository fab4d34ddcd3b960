/** How users may name kinds: singular, plural or short, in any case. */
import { FUNCTIONS, RUNTIMES, TRIGGERS, type KindDescriptor } from '../api/kinds.ts'
import type { KubeObject } from '../api/object.ts'
import { CliError } from './cli-error.ts'
import { EXIT } from './exit-codes.ts'

export type CliKind = Pick<KindDescriptor<KubeObject>, 'kind' | 'plural' | 'shortNames' | 'namespaced'>

export const FUNCTION_KIND: CliKind = FUNCTIONS
export const POD_KIND: CliKind = { kind: 'Pod', plural: 'pods', shortNames: ['po'], namespaced: true }
export const CLI_KINDS: readonly CliKind[] = [FUNCTIONS, TRIGGERS, RUNTIMES, POD_KIND]
/** What `get all` lists. */
export const ALL_KINDS: readonly CliKind[] = [FUNCTIONS, TRIGGERS, POD_KIND]

/** Throws CliError (usage) with what is known. */
export function kindNamed(text: string): CliKind {
  const wanted = text.toLowerCase()
  const kind = CLI_KINDS.find(({ kind, plural, shortNames }) =>
    [kind.toLowerCase(), plural, ...shortNames].includes(wanted),
  )
  if (kind !== undefined) return kind
  const known = CLI_KINDS.map(({ plural, shortNames }) => `${plural} (${shortNames.join(', ')})`).join(', ')
  throw new CliError(EXIT.usage, `there is no kind "${text}"; expected one of ${known}`)
}

/** `fn hello`, `fn/hello` or, with a default kind, `hello`. */
export function parseTarget(words: readonly string[], fallback?: CliKind): { kind: CliKind; names: string[] } {
  const [first = '', ...rest] = words
  const slash = first.indexOf('/')
  if (slash > 0) return { kind: kindNamed(first.slice(0, slash)), names: [first.slice(slash + 1), ...rest] }
  if (fallback !== undefined) return { kind: fallback, names: [...words] }
  return { kind: kindNamed(first), names: rest }
}
