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
  throw new ConfigError(result.error.issues.map((issue) => tell(issue, environment)).join('\n'))
}

function tell(issue: z.core.$ZodIssue, environment: Environment): string {
  const name = issue.path.join('.')
  const value = environment[name]
  if (issue.code !== 'invalid_type') return `${name}: ${issue.message}`
  return value === undefined
    ? `${name}: expected a value, it is not set`
    : `${name}: expected a ${issue.expected}, got ${JSON.stringify(value)}`
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
