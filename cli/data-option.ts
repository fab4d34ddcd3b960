/** What `--data` names: the text itself, @FILE, or - for standard input. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { CliError } from './cli-error.ts'
import type { CliContext } from './context.ts'
import { EXIT } from './exit-codes.ts'

/** The bytes as they are. Throws CliError (usage). */
export async function readData({ cwd, readStdinBytes }: CliContext, text: string): Promise<Buffer> {
  if (text === '-') return readStdinBytes()
  if (!text.startsWith('@')) return Buffer.from(text)
  const file = text.slice(1)
  return readFile(resolve(cwd, file)).catch((cause: unknown) => {
    throw new CliError(EXIT.usage, `--data: ${file} cannot be read`, { cause })
  })
}
