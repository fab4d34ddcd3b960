/** Tells which requests a handler has begun, whatever became of their answers; and holds code of a function until the test goes on. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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

export interface Gate {
  /** Source text: `opened()` settles once the test has opened the gate. */
  readonly code: string
  open(): void
  remove(): void
}

/** Holds code of a function where it is for as long as the test needs, however slow the machine is. */
export function createGate(): Gate {
  const directory = mkdtempSync(join(tmpdir(), 'dormouse-gate-'))
  const file = join(directory, 'open')
  return {
    code: `import { existsSync } from 'node:fs'
const opened = async () => { while (!existsSync(${JSON.stringify(file)})) await new Promise((resolve) => setTimeout(resolve, 10)) }
`,
    open: () => writeFileSync(file, ''),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}
