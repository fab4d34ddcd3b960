/** The directory user code lives in: made fresh at specialize, removed when the process ends. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Writes `files` (names already checked to stay inside) and returns the directory's real path. */
export function writeCodeDir(parent: string, files: Record<string, string>): string {
  mkdirSync(parent, { recursive: true })
  const dir = realpathSync(mkdtempSync(join(parent, 'dormouse-')))
  const made = new Set([dir])
  for (const [name, text] of Object.entries(files)) {
    const path = join(dir, name)
    const folder = dirname(path)
    if (!made.has(folder)) mkdirSync(folder, { recursive: true })
    made.add(folder)
    writeFileSync(path, text)
  }
  return dir
}

/** Best effort, as the process is ending: what cannot be removed stays. */
export function removeCodeDir(dir: string): void {
  try {
    rmSync(dir, { recursive: true, force: true })
  } catch {
    // Another user's files, or a file system gone read-only: nothing we could do about it.
  }
}
