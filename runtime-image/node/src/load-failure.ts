/** From whatever loading threw to the error object of the 422 answer. */
import { thrownObject, shortenPaths, type ErrorObject } from './error-object.ts'
import { causesOf } from './error-record.ts'
import { LoadError } from './load-handler.ts'
import { findSyntaxError, placeIn, type Place } from './syntax-error.ts'

const MISSING_MODULE = new Set(['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND', 'ERR_PACKAGE_PATH_NOT_EXPORTED'])

export async function loadFailure(thrown: unknown, codeDir: string, files: string[]): Promise<ErrorObject> {
  if (thrown instanceof LoadError) return thrown.object
  const plain = thrownObject(codeDir, thrown)
  if (thrown instanceof SyntaxError && !wasRaisedByRunningCode(thrown, codeDir)) {
    return syntaxFailure(plain, codeDir, await findSyntaxError(thrown, codeDir, files))
  }
  if (!MISSING_MODULE.has(codeOf(thrown))) return withCauses(plain, shortenPaths(codeDir, causesOf(thrown)))
  const errorMessage = isPackageMissing(thrown) ? withAdvice(plain.errorMessage) : plain.errorMessage
  return { ...plain, errorType: 'Runtime.ImportModuleError', errorMessage: `Error: ${errorMessage}` }
}

/** Paths are told whole by Node, or as they were written. */
function isPackageMissing(thrown: unknown): boolean {
  return thrown instanceof Error && /^Cannot find (package|module) '[^'./#]/.test(thrown.message)
}

/** On the first line: CommonJS has who required it below. */
function withAdvice(message: string): string {
  return message.replace(/$/m, ': the code has to bring its packages, bundled or as node_modules of an archive')
}

/** Nobody is told but who deploys it, and by this one sentence. */
function withCauses(plain: ErrorObject, causes: string): ErrorObject {
  if (causes === '') return plain
  const { errorMessage } = plain
  return { ...plain, errorMessage: errorMessage === '' ? causes : `${errorMessage} (${causes})` }
}

/** JSON.parse throws SyntaxErrors too, from a frame of the user's: those are no mistake in the code's syntax. */
function wasRaisedByRunningCode(error: SyntaxError, codeDir: string): boolean {
  const stack = String(error.stack)
  return placeIn(stack) === undefined && stack.includes(codeDir)
}

function codeOf(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return ''
  return String(thrown.code)
}

function syntaxFailure(plain: ErrorObject, codeDir: string, place: Place | undefined): ErrorObject {
  const where = place === undefined ? '' : `${shortenPaths(codeDir, place.file)}:${place.line}:${place.column}`
  const message = `SyntaxError: ${plain.errorMessage}${where === '' ? '' : ` (${where})`}`
  return {
    errorType: 'Runtime.UserCodeSyntaxError',
    errorMessage: message,
    trace: [...(where === '' ? [] : [`${where}`]), ...plain.trace],
  }
}
