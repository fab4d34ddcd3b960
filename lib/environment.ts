/** A process's environment against its schema: what is wrong is told variable by variable, before anything is started. */
import { readFileSync } from 'node:fs'
import type { z } from 'zod'

export type Environment = Readonly<Record<string, string | undefined>>

/** The environment does not say what the process needs; the message names each variable and what was expected. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code = 'config-invalid'
}

/** Throws ConfigError. */
export function parseEnvironment<T extends z.ZodType>(schema: T, environment: Environment): z.infer<T> {
  const result = schema.safeParse(environment)
  if (result.success) return result.data
  const issues = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
  throw new ConfigError(issues.join('\n'))
}

/** The text of the file a variable names; throws ConfigError. */
export function readNamedFile(variable: string, path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new ConfigError(`${variable}: expected a readable file, ${path} cannot be read (${code})`, { cause: error })
  }
}
