import { EXIT, type ExitCode } from './exit-codes.ts'

/** Ends the command with one sentence on stderr and this exit code. */
export class CliError extends Error {
  override readonly name: string = 'CliError'
  readonly code = 'cli'
  readonly exitCode: ExitCode

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}

/** A mistake in what the user wrote, and where. `line` and `column` count from 1. */
export interface ManifestMistake {
  file: string
  line?: number
  column?: number
  message: string
}

/** One or more manifests are wrong: one line per mistake. */
export class ManifestError extends CliError {
  override readonly name = 'ManifestError'
  readonly mistakes: readonly ManifestMistake[]

  constructor(mistakes: readonly ManifestMistake[]) {
    super(EXIT.invalidManifest, mistakes.map(describeMistake).join('\n'))
    this.mistakes = mistakes
  }
}

export function describeMistake({ file, line, column, message }: ManifestMistake): string {
  const place = [file, line, column].filter((part) => part !== undefined).join(':')
  return `${place}: ${message}`
}
