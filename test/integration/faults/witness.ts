/** Tells which requests a handler has begun, whatever became of their answers. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Witness {
  /** Source text: `begun(id)` notes that a request is executed, at once and for good. */
  readonly code: string
  /** Ids in the order in which they began; an id twice was executed twice. */
  begun(): string[]
  remove(): void
}

export function createWitness(): Witness {
  const directory = mkdtempSync(join(tmpdir(), 'dormouse-witness-'))
  const file = join(directory, 'begun')
  return {
    code: `import { appendFileSync } from 'node:fs'\nconst begun = (id) => appendFileSync(${JSON.stringify(file)}, id + '\\n')\n`,
    // Whole lines only: the file is there, and empty, before its first line is.
    begun: () => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}
