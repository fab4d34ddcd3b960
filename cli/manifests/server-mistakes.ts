/** What an API server found wrong with a manifest, told where it stands in its file. Pure. */
import type { ApplyResult } from '../../local/api/apply.ts'
import type { ManifestMistake } from '../cli-error.ts'
import type { LoadedManifest } from './load-manifests.ts'

/** Empty when what it says is about no field. */
export function mistakesIn({ message = '' }: ApplyResult, { file, locate }: LoadedManifest): ManifestMistake[] {
  const unknown = [...message.matchAll(/unknown field "([^"]+)"/g)].map(([text, path = '']) => ({ path, text }))
  const found = unknown.length > 0 ? unknown : fieldSentences(message)
  return found.map(({ path, text }) => ({ file, ...locate(path), message: text }))
}

const INVALID = /\bis invalid: (.*)$/s
/** `spec.timeout: Invalid value: …`, at the start or after a separator: the API server joins several with commas, in brackets. */
const FIELD = /(?:^|, |\n\* )((?:spec|metadata)[^\s:,]*): (?=[A-Z])/g

function fieldSentences(message: string): { path: string; text: string }[] {
  const [, list = ''] = INVALID.exec(message) ?? []
  const body = list.startsWith('[') && list.endsWith(']') ? list.slice(1, -1) : list
  const starts = [...body.matchAll(FIELD)]
  return starts.map((start, index) => {
    const from = start.index + start[0].indexOf(start[1] ?? '')
    const text = body.slice(from, starts[index + 1]?.index).trim()
    return { path: start[1] ?? '', text }
  })
}
