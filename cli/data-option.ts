/** What `--data` names: the text itself, @FILE, or - for standard input. */
import { resolve } from 'node:path'
import { CliError } from './cli-error.ts'
import type { CliContext } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { readWhole } from './read-whole.ts'
import { untilInterrupted } from './until-interrupted.ts'
import { notUtf8At } from './utf8.ts'

/** The bytes as they are. Throws CliError (usage). */
export async function readData({ cwd, readStdin, signal }: CliContext, text: string): Promise<Buffer<ArrayBuffer>> {
  if (text === '-') return readStdin()
  if (!text.startsWith('@')) return Buffer.from(text)
  const file = text.slice(1)
  const bytes = readWhole(resolve(cwd, file)).catch((cause: unknown) => {
    throw new CliError(EXIT.usage, `--data: ${file} cannot be read`, { cause })
  })
  return untilInterrupted(signal, bytes)
}

/** The same as text. `text`: what `--data` names. Throws CliError (usage) at the first byte that is no UTF-8. */
export function dataText(bytes: Buffer, text: string): string {
  const at = notUtf8At(bytes)
  if (at === undefined) return bytes.toString('utf8')
  const name = text.startsWith('@') ? text.slice(1) : text === '-' ? 'stdin' : 'the value'
  throw new CliError(EXIT.usage, `--data: expected text in UTF-8, and ${name} is none at ${at.line}:${at.column}`)
}
