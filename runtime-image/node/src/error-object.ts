/** Lambda's error object: how a failure of user code is told to callers. */
import { dirname, isAbsolute } from 'node:path'

export interface ErrorObject {
  errorType: string
  errorMessage: string
  trace: string[]
}

/** Message and stack have room in an answer together, whatever JSON makes of their characters. */
const LONGEST_TEXT = 256 * 1024

const FRAME = /^\s+at /
/** Frames of the server itself say nothing to a function's author. */
const OWN_FRAME = /^\s+at .*[\\/]runtime-node[\\/](?:[0-9a-f]+[\\/])?\w+\.cjs:\d/

/** Never throws, whatever was thrown: getters that throw, null prototypes, symbols, non-string messages. */
export function errorObject(thrown: unknown): ErrorObject {
  try {
    return isErrorLike(thrown) ? fromError(thrown) : fromValue(thrown)
  } catch {
    return { errorType: 'Runtime.UnreadableError', errorMessage: 'an error that cannot be read was thrown', trace: [] }
  }
}

function isErrorLike(value: unknown): value is Error {
  if (value instanceof Error || Object.prototype.toString.call(value) === '[object Error]') return true
  return typeof value === 'object' && value !== null && hasParts(value)
}

/** As in Lambda, what has all that an error has is one: errors that came through JSON, those of libraries without classes. */
function hasParts(value: object): boolean {
  const { name, message, stack } = value as Record<string, unknown>
  return [name, message, stack].every((part) => typeof part === 'string' && part !== '')
}

function fromError(error: Error): ErrorObject {
  return {
    errorType: text(error.name) || 'Error',
    errorMessage: text(error.message),
    trace: traceOf(error),
  }
}

/** A stack is made when it is first read, by the `Error.prepareStackTrace` of user code if it has one: that may throw, too. */
function traceOf(error: Error): string[] {
  try {
    const stack: unknown = error.stack
    return typeof stack === 'string'
      ? cut(stack)
          .split('\n')
          .filter((line) => !OWN_FRAME.test(line))
      : []
  } catch {
    return []
  }
}

function fromValue(value: unknown): ErrorObject {
  return { errorType: typeof value, errorMessage: text(value), trace: [] }
}

function text(value: unknown): string {
  if (typeof value === 'string') return cut(value)
  try {
    return cut(String(value))
  } catch {
    return Object.prototype.toString.call(value)
  }
}

function cut(long: string): string {
  return long.length <= LONGEST_TEXT ? long : `${long.slice(0, LONGEST_TEXT)}… (${long.length} characters)`
}

/** Of whatever user code threw, with its files named as their author knows them. */
export function thrownObject(codeDir: string, thrown: unknown): ErrorObject {
  return relativeTo(codeDir, errorObject(thrown))
}

/** Names the user's files relative to their code directory, wherever that happens to be. */
export function relativeTo(codeDir: string, error: ErrorObject): ErrorObject {
  const shorten = (line: string) => shortenPaths(codeDir, line)
  const trace = error.trace.map((line) => (FRAME.test(line) ? shortenBeside(codeDir, shorten(line)) : shorten(line)))
  return { ...error, errorMessage: shorten(error.errorMessage), trace }
}

/** Where a source map says that sources lie: beside what was built. */
function shortenBeside(codeDir: string, frame: string): string {
  const parent = dirname(codeDir)
  return isAbsolute(codeDir) ? frame.replaceAll(`file://${parent}/`, '../').replaceAll(`${parent}/`, '../') : frame
}

export function shortenPaths(codeDir: string, line: string): string {
  if (!isAbsolute(codeDir)) return line
  return line.replaceAll(`file://${codeDir}/`, '').replaceAll(`${codeDir}/`, '').replaceAll(codeDir, '.')
}

/** A failure with a type of its own that is not an error of user code. */
export function platformError(errorType: string, errorMessage: string): ErrorObject {
  return { errorType, errorMessage, trace: [] }
}
