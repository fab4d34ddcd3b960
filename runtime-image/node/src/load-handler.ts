/** Finds and loads the user's handler by Lambda's rules. */
import { existsSync, statSync } from 'node:fs'
import { createRequire, setSourceMapsSupport } from 'node:module'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { platformError, type ErrorObject } from './error-object.ts'
import { parseHandlerName, type HandlerName } from './handler-name.ts'
import { STREAMING } from './response-stream.ts'
import { letClose, listensLikeServer, type ServerLike } from './server-like.ts'
import type { Signature } from './specialization.ts'

export type AnyFunction = (...args: unknown[]) => unknown

export type UserFunction =
  | { kind: 'function'; call: AnyFunction; length: number; isStreaming: boolean; upgrade: AnyFunction | undefined }
  | { kind: 'server'; server: ServerLike }

/** The code is there and ran, but names no handler, or cannot be found. */
export class LoadError extends Error {
  readonly object: ErrorObject

  constructor(object: ErrorObject) {
    super(object.errorMessage)
    this.object = object
  }
}

/** Throws LoadError, or whatever the user's code throws while it loads. */
export async function loadHandler(codeDir: string, handler: string, signature: Signature): Promise<UserFunction> {
  const name = parseHandlerName(handler)
  if (name.kind === 'malformed') throw new LoadError(platformError('Runtime.MalformedHandlerName', name.message))
  const path = findModule(codeDir, name)
  // Read with the module, understood only when an error is told.
  if (isFile(`${path}.map`)) setSourceMapsSupport(true)
  const module: unknown = await import(pathToFileURL(path).href)
  return pick(await finished(module), name.exports, { handler, signature })
}

/** As in Lambda, CommonJS may export the promise of its exports: webpack makes that of a module with top-level await. */
async function finished(module: unknown): Promise<unknown> {
  const exported = walk(module, ['module.exports'])
  return exported instanceof Promise ? { 'module.exports': (await exported) as unknown } : module
}

type ValidName = Extract<HandlerName, { kind: 'valid' }>

/** In Lambda's order. Types are stripped by Node. */
const EXTENSIONS = ['', '.js', '.mjs', '.cjs', '.ts', '.mts', '.cts']

function findModule(codeDir: string, name: ValidName): string {
  const base = join(codeDir, name.directory, name.file)
  const found = EXTENSIONS.map((extension) => base + extension).find(isFile)
  return found ?? resolveAsNode(codeDir, name)
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile()
}

function resolveAsNode(codeDir: string, name: ValidName): string {
  const require = createRequire(join(codeDir, name.directory, 'handler.js'))
  for (const request of [`./${name.file}`, name.file]) {
    try {
      const path = require.resolve(request)
      // A handler named like a builtin ("http.handler") is not meant to be that builtin.
      if (path.startsWith('/')) return path
    } catch {
      continue
    }
  }
  const wanted = name.directory + name.file
  throw new LoadError(
    platformError(
      'Runtime.ImportModuleError',
      `Error: Cannot find module '${wanted}': expected ${wanted}.js, .mjs, .cjs, .ts, .mts or .cts among the code's files${insteadOf(join(codeDir, wanted))}`,
    ),
  )
}

const SOURCES = ['.tsx', '.jsx']

/** The commonest mistake: what was written instead of what was built of it. */
function insteadOf(base: string): string {
  const source = SOURCES.find((extension) => isFile(base + extension))
  return source === undefined ? '' : `, got ${basename(base)}${source}: it has to be compiled or bundled to JavaScript`
}

interface Wanted {
  handler: string
  signature: Signature
}

function pick(module: unknown, names: string[], wanted: Wanted): UserFunction {
  for (const root of roots(module)) {
    const owner = walk(root, names.slice(0, -1))
    const found = walk(owner, names.slice(-1))
    if (found === undefined) continue
    if (wanted.signature === 'http' && listensLikeServer(found)) return asServer(found)
    if (typeof found !== 'function')
      throw notFound(`${wanted.handler} is not ${expected(wanted)} but ${kindOf(found)}${fetchHint(found)}`)
    return asFunction(found as AnyFunction, owner, owner === module)
  }
  throw notFound(`${wanted.handler} is undefined or not exported${fetchHint(walk(module, ['default']))}`)
}

/** What may hold the handler: CommonJS exports whole, the named exports, the default export, also of an ES module that a compiler made CommonJS of. */
function roots(module: unknown): unknown[] {
  const commonJs = walk(module, ['module.exports'])
  const compiled = walk(commonJs, ['__esModule']) === true ? walk(commonJs, ['default']) : undefined
  return [commonJs, module, walk(module, ['default']), compiled].filter((root) => root !== undefined)
}

function walk(from: unknown, names: string[]): unknown {
  let value = from
  for (const name of names) {
    if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}

function asServer(server: ServerLike): UserFunction {
  letClose(server)
  return { kind: 'server', server }
}

/** Called as a method of what holds it, so that instances of classes work as nested exports; a module's own exports have no `this`. */
function asFunction(found: AnyFunction, owner: unknown, isModule: boolean): UserFunction {
  const upgrade = walk(owner, ['upgrade'])
  const self = isModule ? undefined : owner
  return {
    kind: 'function',
    call: (...args) => found.apply(self, args),
    length: found.length,
    isStreaming: (found as AnyFunction & Record<symbol, unknown>)[STREAMING] === 'response',
    upgrade: typeof upgrade === 'function' ? (...args) => (upgrade as AnyFunction).apply(self, args) : undefined,
  }
}

function expected({ signature }: Wanted): string {
  return signature === 'http' ? 'a function (req, res), nor an http.Server with listeners,' : 'a function'
}

function kindOf(value: unknown): string {
  if (value instanceof Promise) return 'a promise: what it resolves to has to be exported'
  return value === null ? 'null' : `of type ${typeof value}`
}

/** The form of Bun, Deno and Workers, which Hono and others recommend. */
function fetchHint(value: unknown): string {
  if (typeof walk(value, ['fetch']) !== 'function') return ''
  return ': of an object with fetch, getRequestListener(….fetch) of @hono/node-server makes a handler of signature http'
}

function notFound(message: string): LoadError {
  return new LoadError(platformError('Runtime.HandlerNotFound', message))
}
