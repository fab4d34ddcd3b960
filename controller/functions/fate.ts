/** What is known about whether a revision's code loads, and how a load error reads. Pure. */
import type { ErrorObject } from '../../api/protocol.ts'
import type { Runtime } from '../../api/runtime.ts'

/** broken: its code did not load on this very Runtime and will not be tried again until spec or Runtime change. */
export type Fate = { kind: 'unknown' } | { kind: 'loads' } | { kind: 'broken'; message: string; runtime: string }

export const UNKNOWN_FATE: Fate = { kind: 'unknown' }

/** Reason of Ready=True while nobody knows whether the code loads: the first call will tell. */
export const NOT_LOADED_YET = 'NotLoadedYet'

/** Changes whenever a Runtime does: what was broken on one may load on the next. */
export function runtimeIdentity({ metadata }: Runtime): string {
  return `${metadata.uid}/${metadata.generation ?? metadata.resourceVersion}`
}

/** Of a condition; the whole error is in the answer callers get and in the pod's log. */
const LONGEST_MESSAGE = 1_000

/** `SyntaxError: Unexpected token '}' (index.mjs:3)`: with the first place in the user's own files that the trace names. */
export function describeLoadError(error: ErrorObject, files: readonly string[]): string {
  const firstLine = error.errorMessage.split('\n', 1)[0] ?? ''
  const said = `${error.errorType}: ${firstLine.slice(0, LONGEST_MESSAGE)}`
  const place = placeInFiles(error.trace, files)
  return place === undefined || said.includes(place) ? said : `${said} (${place})`
}

function placeInFiles(trace: readonly string[], files: readonly string[]): string | undefined {
  for (const line of trace) {
    for (const file of files) {
      const position = positionIn(line, file)
      if (position !== undefined) return `${file}:${position}`
    }
  }
  return undefined
}

/** `file:///code/lib/a.mjs:3:5` names lib/a.mjs and a.mjs at 3:5, but not b-a.mjs. */
function positionIn(line: string, file: string): string | undefined {
  for (let at = line.indexOf(file); at >= 0; at = line.indexOf(file, at + 1)) {
    const isWhole = at === 0 || '/\\ (\'"`'.includes(line.charAt(at - 1))
    const position = /^:(\d+(?::\d+)?)/.exec(line.slice(at + file.length))?.[1]
    if (isWhole && position !== undefined) return position
  }
  return undefined
}
