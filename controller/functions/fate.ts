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
/** User code can make its frames as long as it likes: looking at one must stay cheap. */
const LONGEST_FRAME = 1_000

/** `SyntaxError: Unexpected token '}' (index.mjs:3)`: with the first place in the user's own code that the trace names. */
export function describeLoadError(error: ErrorObject, files: readonly string[]): string {
  const said = `${error.errorType}: ${inOneLine(error.errorMessage).slice(0, LONGEST_MESSAGE)}`
  const place = placeIn(error.trace, files)
  return place === undefined || said.includes(place) ? said : `${said} (${place})`
}

/** Messages may begin with an empty line, or be a list (zod's). Who required a missing module is in the trace. */
function inOneLine(message: string): string {
  const [said = ''] = message.split('\nRequire stack:', 1)
  const lines = said.split('\n').map((line) => line.trim())
  return lines.filter((line) => line !== '').join(' ')
}

function placeIn(trace: readonly string[], files: readonly string[]): string | undefined {
  // `routes/index.mjs` ends like `index.mjs`, too.
  const longestFirst = [...files].sort((a, b) => b.length - a.length)
  for (const whole of trace) {
    const line = whole.slice(0, LONGEST_FRAME)
    const place = placeInFiles(line, longestFirst) ?? placeInSources(line)
    if (place !== undefined) return place
  }
  return undefined
}

function placeInFiles(line: string, files: readonly string[]): string | undefined {
  for (const file of files) {
    const position = positionIn(line, file)
    if (position !== undefined) return `${file}:${position}`
  }
  return undefined
}

/** `file:///code/lib/a.mjs:3:5` names lib/a.mjs and a.mjs at 3:5, but not b-a.mjs; `../lib/a.mjs:3:5` is none of the code's files. */
function positionIn(line: string, file: string): string | undefined {
  for (let at = line.indexOf(file); at >= 0; at = line.indexOf(file, at + 1)) {
    const before = /[^\s('"`]*$/.exec(line.slice(0, at))?.[0] ?? ''
    const isWhole = before === '' || (/[/\\]$/.test(before) && !isElsewhere(before))
    const position = /^:(\d+(?::\d+)?)/.exec(line.slice(at + file.length))?.[1]
    if (isWhole && position !== undefined) return position
  }
  return undefined
}

/** Where source maps say that the user's own sources are, beside the code or below it: `    at f (../src/index.ts:3:5)`. */
function placeInSources(line: string): string | undefined {
  const [, place] = /^\s+at (?:async |.*\()?([^\s():]+:\d+:\d+)\)?$/.exec(line) ?? []
  return place === undefined || place.startsWith('/') || isPackages(place) ? undefined : place
}

function isElsewhere(path: string): boolean {
  return path.startsWith('../') || isPackages(path)
}

function isPackages(path: string): boolean {
  return path.includes('node_modules/')
}
