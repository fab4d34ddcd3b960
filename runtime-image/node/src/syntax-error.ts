/**
 * Where in the user's code a SyntaxError is. V8 knows; of ES modules Node tells only the console. So the rare bad module is
 * parsed once more by `node --check`, whose output has the place.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'

export interface Place {
  file: string
  line: number
  column: number
}

const CHECK_TIMEOUT_MS = 3_000
const MOST_CHECKED = 50

/** File, line and caret as Node prints them above the error: `path:3`, the source line, spaces and `^`. Pure. */
export function placeIn(text: string): Place | undefined {
  const lines = text.split('\n')
  const head = /^(?:file:\/\/)?(\/.*):(\d+)$/.exec(lines[0] ?? '')
  if (head === null) return undefined
  const caret = lines.slice(1, 5).find((line) => /^\s*\^+\s*$/.test(line))
  return { file: head[1] ?? '', line: Number(head[2]), column: (caret?.indexOf('^') ?? 0) + 1 }
}

/** The place `error` was raised at; undefined if it cannot be told. `files` are names relative to `codeDir`. */
export async function findSyntaxError(
  error: SyntaxError,
  codeDir: string,
  files: string[],
): Promise<Place | undefined> {
  const told = placeIn(String(error.stack))
  if (told !== undefined) return told
  const scripts = files.filter((file) => /(\.[cm]?js|(^|\/)[^.]+)$/.test(file)).slice(0, MOST_CHECKED)
  for (const file of scripts) {
    const output = await check(join(codeDir, file))
    if (output.includes(`SyntaxError: ${error.message}`)) return placeIn(output)
  }
  return undefined
}

/** What `node --check` complains of; empty if nothing. */
function check(path: string): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--check', path], { timeout: CHECK_TIMEOUT_MS, env: {} }, (_error, _stdout, stderr) => {
      resolve(stderr)
    })
  })
}
