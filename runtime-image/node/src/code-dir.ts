/** The directory user code lives in: made fresh at specialize, removed when the process ends. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

interface Code {
  files: Record<string, string>
  /** In base64. */
  binary: Record<string, string>
  /** In epoch seconds. */
  modified: Record<string, number>
  /** Of the others; when they are written where it is not known. */
  modifiedAt?: number
}

/** Writes files (names already checked to stay inside) and returns the directory's real path. */
export function writeCodeDir(parent: string, { files, binary, modified, modifiedAt }: Code): string {
  mkdirSync(parent, { recursive: true })
  const dir = realpathSync(mkdtempSync(join(parent, 'dormouse-')))
  const made = new Set([dir])
  const write = (name: string, content: string, encoding: 'utf8' | 'base64') => {
    const path = join(dir, name)
    const folder = dirname(path)
    if (!made.has(folder)) mkdirSync(folder, { recursive: true })
    made.add(folder)
    writeFileSync(path, content, { encoding, mode: isProgram(content, encoding) ? 0o755 : 0o644 })
    // What serves files makes their ETags of it, which must be those of all pods.
    const time = Object.hasOwn(modified, name) ? modified[name] : modifiedAt
    if (time !== undefined) utimesSync(path, time, time)
  }
  for (const [name, text] of Object.entries(files)) write(name, text, 'utf8')
  for (const [name, bytes] of Object.entries(binary)) write(name, bytes, 'base64')
  return dir
}

/** How scripts (`#!`), programs of Linux (ELF) and of macOS begin, in base64. */
const PROGRAM = /^(IyE|f0VMR|z\/rt\/|yv66v)/

/** Code travels without the modes of its files. */
function isProgram(content: string, encoding: 'utf8' | 'base64'): boolean {
  return encoding === 'utf8' ? content.startsWith('#!') : PROGRAM.test(content)
}

/** Best effort, as the process is ending: what cannot be removed stays. */
export function removeCodeDir(dir: string): void {
  try {
    rmSync(dir, { recursive: true, force: true })
  } catch {
    // Another user's files, or a file system gone read-only: nothing we could do about it.
  }
}
