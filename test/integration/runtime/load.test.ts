import { afterEach, describe, expect, jest, test } from '@jest/globals'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

// The thread of the watchdog gives way to whatever else the machine has to do.
jest.setTimeout(180_000)
afterEach(endRuntimes)

const HANDLER = 'export const handler = async () => import.meta.url.split("/").pop()'
const COMMON = 'exports.handler = async () => __filename.split("/").pop()'
const TYPED = 'export const handler = async (_: object): Promise<string> => import.meta.url.split("/").pop()!'

describe('the handler is found', () => {
  test.each<[string, Record<string, string>, string]>([
    ['in .js, an ES module by package.json', { 'index.js': HANDLER, 'package.json': '{"type":"module"}' }, 'index.js'],
    ['in .js, CommonJS by default', { 'index.js': COMMON }, 'index.js'],
    ['in .js by its module syntax', { 'index.js': HANDLER }, 'index.js'],
    ['in .js by its syntax, with top-level await', { 'index.js': `${HANDLER}\nawait 0` }, 'index.js'],
    ['in .mjs', { 'index.mjs': HANDLER }, 'index.mjs'],
    ['in .cjs', { 'index.cjs': COMMON }, 'index.cjs'],
    ['in .ts by its module syntax', { 'index.ts': TYPED }, 'index.ts'],
    ['in .ts, an ES module by package.json', { 'index.ts': TYPED, 'package.json': '{"type":"module"}' }, 'index.ts'],
    ['in .mts', { 'index.mts': TYPED, 'index.cts': COMMON }, 'index.mts'],
    ['in .cts', { 'index.cts': COMMON }, 'index.cts'],
    ['in .js before .mjs and .cjs', { 'index.js': COMMON, 'index.mjs': HANDLER, 'index.cjs': COMMON }, 'index.js'],
    ['as it was built, before its source', { 'index.cjs': COMMON, 'index.ts': TYPED }, 'index.cjs'],
    ['without an extension first', { index: COMMON, 'index.js': COMMON }, 'index'],
    ['in a directory, as node resolves it', { 'index/index.js': COMMON }, 'index.js'],
    ['by the nearest package.json', { 'index.js': HANDLER, 'package.json': '{"type":"module"}' }, 'index.js'],
    ['in a default export', { 'index.mjs': 'export default { handler: async () => "default" }' }, 'default'],
    [
      'in a default export that a compiler made CommonJS of',
      {
        'index.js':
          'Object.defineProperty(exports, "__esModule", { value: true }); exports.default = { handler: async () => "compiled" }',
      },
      'compiled',
    ],
    [
      'in module.exports made at run time',
      { 'index.js': 'const n = "handler"; module.exports = { [n]: async () => "late" }' },
      'late',
    ],
    [
      'in the promise of exports that webpack makes of top-level await',
      { 'index.js': 'module.exports = (async () => { await null; return { handler: async () => "awaited" } })()' },
      'awaited',
    ],
  ])('%s', async (_where, files, want) => {
    const runtime = await RuntimeProcess.with({ files })
    expect(JSON.parse((await runtime.invoke({})).text)).toBe(want)
    expect(runtime.stderr).toBe('')
  })

  test('as the default export itself', async () => {
    const files = { 'index.mjs': 'export default async () => "it"' }
    const runtime = await RuntimeProcess.with({ files, handler: 'index.default' })
    expect((await runtime.invoke({})).text).toBe('"it"')
  })
})

describe('code that does not load is answered 422', () => {
  const failure = async (specialize: Parameters<RuntimeProcess['specialize']>[0], env = {}) => {
    const runtime = await RuntimeProcess.start({ env })
    const answer = await runtime.specialize(specialize)
    expect(answer.status).toBe(422)
    return { runtime, error: JSON.parse(answer.text) as { errorType: string; errorMessage: string; trace: string[] } }
  }

  test.each<[string, Record<string, string>, string, string, string]>([
    [
      'a parse error in an ES module',
      { 'index.mjs': 'export const a = 1\n\n}\n' },
      'index.handler',
      'Runtime.UserCodeSyntaxError',
      "SyntaxError: Unexpected token '}' (index.mjs:3:1)",
    ],
    [
      'a parse error in CommonJS',
      { 'index.js': 'const a = 1\nlet x = {;\n' },
      'index.handler',
      'Runtime.UserCodeSyntaxError',
      "SyntaxError: Unexpected token ';' (index.js:2:10)",
    ],
    [
      'a parse error in an imported file',
      { 'index.mjs': 'import "./lib/b.mjs"', 'lib/b.mjs': '\nconst q = ;' },
      'index.handler',
      'Runtime.UserCodeSyntaxError',
      "SyntaxError: Unexpected token ';' (lib/b.mjs:2:11)",
    ],
    [
      'a parse error in a required file',
      { 'index.js': 'require("./b.js")', 'b.js': '\nconst q = ;' },
      'index.handler',
      'Runtime.UserCodeSyntaxError',
      "SyntaxError: Unexpected token ';' (b.js:2:11)",
    ],
    [
      'an import of what is not exported',
      { 'index.mjs': 'import { x } from "./b.mjs"', 'b.mjs': '' },
      'index.handler',
      'Runtime.UserCodeSyntaxError',
      "SyntaxError: The requested module './b.mjs' does not provide an export named 'x' (index.mjs:1:10)",
    ],
    [
      'a SyntaxError thrown by running code',
      { 'index.mjs': 'JSON.parse("{")' },
      'index.handler',
      'SyntaxError',
      "Expected property name or '}' in JSON at position 1 (line 1 column 2)",
    ],
    ['a throw', { 'index.mjs': 'throw new TypeError("no")' }, 'index.handler', 'TypeError', 'no'],
    ['a thrown string', { 'index.mjs': 'throw "text"' }, 'index.handler', 'string', 'text'],
    ['a thrown null', { 'index.mjs': 'throw null' }, 'index.handler', 'object', 'null'],
    [
      'no such file',
      { 'other.mjs': '' },
      'index.handler',
      'Runtime.ImportModuleError',
      "Error: Cannot find module 'index': expected index.js, .mjs, .cjs, .ts, .mts or .cts among the code's files",
    ],
    [
      'no such import',
      { 'index.mjs': 'import "nope"' },
      'index.handler',
      'Runtime.ImportModuleError',
      "Error: Cannot find package 'nope' imported from index.mjs: the code has to bring its packages, bundled or as node_modules of an archive",
    ],
    [
      'no such package in CommonJS',
      { 'index.js': 'require("@some/nope")' },
      'index.handler',
      'Runtime.ImportModuleError',
      "Error: Cannot find module '@some/nope': the code has to bring its packages, bundled or as node_modules of an archive\nRequire stack:\n- index.js",
    ],
    [
      'no such file of its own, which is no package',
      { 'index.mjs': 'import "./nope"' },
      'index.handler',
      'Runtime.ImportModuleError',
      "Error: Cannot find module 'nope' imported from index.mjs",
    ],
    [
      'a source that nobody compiled',
      { 'src/index.tsx': 'export const handler = async () => <p/>' },
      'src/index.handler',
      'Runtime.ImportModuleError',
      "Error: Cannot find module 'src/index': expected src/index.js, .mjs, .cjs, .ts, .mts or .cts among the code's files, got index.tsx: it has to be compiled or bundled to JavaScript",
    ],
    [
      'TypeScript that is more than types',
      { 'index.ts': 'export const handler = async () => 1\nenum Color { Red }' },
      'index.handler',
      'Runtime.UserCodeSyntaxError',
      'SyntaxError: TypeScript enum is not supported in strip-only mode (index.ts:2:1)',
    ],
    [
      'no such export',
      { 'index.mjs': '' },
      'index.handler',
      'Runtime.HandlerNotFound',
      'index.handler is undefined or not exported',
    ],
    [
      'a handler that is no function',
      { 'index.mjs': 'export const handler = 1' },
      'index.handler',
      'Runtime.HandlerNotFound',
      'index.handler is not a function but of type number',
    ],
    [
      'a handler that is yet to come',
      { 'index.js': 'const start = async () => () => 1; exports.handler = start()' },
      'index.handler',
      'Runtime.HandlerNotFound',
      'index.handler is not a function but a promise: what it resolves to has to be exported',
    ],
    [
      'a handler name with ..',
      { 'index.mjs': '' },
      '../index.handler',
      'Runtime.MalformedHandlerName',
      `'../index.handler' is not a valid handler name: it must not contain ".."`,
    ],
    [
      'a handler name without an export',
      { 'index.mjs': '' },
      'index',
      'Runtime.MalformedHandlerName',
      `Bad handler: expected "path/file.export", got 'index'`,
    ],
    [
      'an uncaught exception while it loads',
      { 'index.mjs': 'setTimeout(() => { throw new Error("later") }, 10); await new Promise(() => {})' },
      'index.handler',
      'Error',
      'later',
    ],
    [
      'an unhandled rejection while it loads',
      { 'index.mjs': 'Promise.reject(new Error("lost")); await new Promise((r) => setTimeout(r, 500))' },
      'index.handler',
      'Runtime.UnhandledPromiseRejection',
      'Error: lost',
    ],
    [
      'process.exit',
      { 'index.mjs': 'process.exit(3)' },
      'index.handler',
      'Runtime.ExitError',
      'RequestId: init Error: Runtime exited with error: exit status 3',
    ],
  ])('%s', async (...[_what, files, handler, errorType, errorMessage]) => {
    const { error } = await failure({ files, handler })
    expect(error).toMatchObject({ errorType, errorMessage })
  })

  test('an application that is neither function nor server, of signature http', async () => {
    const { error } = await failure({
      files: { 'index.mjs': 'export const handler = { handle() {} }' },
      signature: 'http',
    })
    expect(error).toMatchObject({
      errorType: 'Runtime.HandlerNotFound',
      errorMessage: 'index.handler is not a function (req, res), nor an http.Server with listeners, but of type object',
    })
  })

  test.each([
    ['index.handler', 'is undefined or not exported'],
    ['index.default', 'is not a function (req, res), nor an http.Server with listeners, but of type object'],
  ])('a fetch() as Bun and Deno want it, by the name %s, is told what makes a handler of it', async (handler, why) => {
    const files = { 'index.mjs': 'export default { fetch: () => new Response("hi") }' }
    const { error } = await failure({ files, handler, signature: 'http' })
    expect(error.errorMessage).toBe(
      `${handler} ${why}: of an object with fetch, getRequestListener(….fetch) of @hono/node-server makes a handler of signature http`,
    )
  })

  test('exports that are promised and do not come', async () => {
    const { error } = await failure({ files: { 'index.js': 'module.exports = Promise.reject(new RangeError("no"))' } })
    expect(error).toMatchObject({ errorType: 'RangeError', errorMessage: 'no' })
  })

  test('a load that never finishes', async () => {
    const { error } = await failure(
      { files: { 'index.mjs': 'setInterval(() => {}, 50); await new Promise(() => {})' } },
      { DORMOUSE_INIT_TIMEOUT_MS: '300' },
    )
    expect(error).toMatchObject({
      errorType: 'Sandbox.Timedout',
      errorMessage: 'Loading the code did not finish within 0.30 seconds',
    })
  })

  test('a load that blocks the event loop, by the watchdog, which ends the process', async () => {
    const { error, runtime } = await failure(
      { files: { 'index.mjs': 'for (;;);' } },
      { DORMOUSE_INIT_TIMEOUT_MS: '300' },
    )
    expect(error.errorMessage).toBe('Loading the code did not finish within 0.30 seconds: it blocks the event loop')
    expect((await runtime.exited).signal).toBe('SIGKILL')
    expect(await runtime.printed('blocked past', 'stderr')).toContain('The event loop is blocked past the deadline')
  })

  test('and the pod is spent: health says why, nobody gets it any more', async () => {
    const { runtime, error } = await failure({ files: { 'index.mjs': 'throw new Error("no")' } })
    expect(await runtime.health()).toMatchObject({ state: 'leaving', failed: error, revision: 'r1' })
    expect((await runtime.specialize({ files: { 'index.mjs': HANDLER } })).status).toBe(409)
    expect((await runtime.invoke({})).headers['dormouse-refused']).toBe('leaving')
    runtime.child.kill('SIGTERM')
    expect(await runtime.exited).toEqual({ code: 0, signal: null })
    expect(runtime.codeDirs()).toEqual([])
  })
})
