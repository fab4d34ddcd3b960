import { afterEach, describe, expect, test } from '@jest/globals'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

afterEach(endRuntimes)

/** Fake timers, as test libraries install them, forgotten in the bundle. */
const REPLACED = `
  for (const name of ['setTimeout', 'clearTimeout', 'setImmediate', 'setInterval', 'fetch']) globalThis[name] = () => 0
`

test('the platform’s own timers do not depend on globals that user code may replace', async () => {
  const runtime = await RuntimeProcess.with({
    files: {
      'index.mjs': `${REPLACED}
        export const handler = (event, context, callback) => {
          if (event.hang) return new Promise(() => undefined)
          callback(null, 'called back')
        }`,
    },
    concurrency: 2,
  })
  expect(await runtime.invoke({})).toMatchObject({ status: 200, text: '"called back"' })
  expect(await runtime.invoke({ hang: true }, { deadlineMs: 1_000 })).toMatchObject({
    status: 500,
    headers: { 'dormouse-error': 'timeout' },
  })
  expect((await runtime.exited).code).toBe(0)
})

test.each(['event', 'http'] as const)(
  'nor does anything else, of signature %s, on process and Buffer',
  async (signature) => {
    const code = `
    globalThis.process = { env: {} }
    delete globalThis.Buffer
    exports.handler = async (event, response) => {
      console.log('told')
      if (response.end) for await (const chunk of event) response.write(chunk)
      if (response.end) return void response.end('é')
      if (event.fail) throw new Error('failed')
      return event
    }`
    const runtime = await RuntimeProcess.with({ files: { 'index.js': code }, signature })
    expect((await runtime.call({ body: '{"a":1}' })).text).toBe(signature === 'http' ? '{"a":1}é' : '{"a":1}')
    expect(await runtime.printed('told')).toContain('\treq-1\tINFO\ttold')
    if (signature === 'event') expect((await runtime.invoke({ fail: true })).text).toContain('"errorMessage":"failed"')
    runtime.child.kill('SIGTERM')
    expect(await runtime.exited).toEqual({ code: 0, signal: null })
    expect(runtime.codeDirs()).toEqual([])
  },
)

describe('time that user code fakes is for user code only', () => {
  /** As mockdate and timekeeper do, sinon with all it knows of Node, and Node itself. */
  const FAKES = {
    'another Date': `globalThis.Date = class extends Date { constructor(...args) { super(...(args.length ? args : [FAKED])) } static now() { return FAKED } }`,
    'another Date.now': 'Date.now = () => FAKED',
    'all timers and clocks': `
      for (const owner of [globalThis, require('node:timers')])
        for (const name of ['setTimeout', 'clearTimeout', 'setImmediate', 'setInterval']) owner[name] = () => 0
      performance.now = () => NaN
      process.hrtime.bigint = () => 0n
      globalThis.Date = { now: () => FAKED }`,
    'timers of node:test': `require('node:test').mock.timers.enable({ now: FAKED })`,
  }
  const handler = `exports.handler = async (event, context) => {
    console.log('told')
    if (event.hang) await new Promise(() => process.stdin.ref().resume())
    return [Date.now() === FAKED, context.getRemainingTimeInMillis()]
  }`
  const cases = Object.entries(FAKES).flatMap(([name, fake]) => [
    { name: `${name}, in the future`, fake, at: 9e12 },
    { name: `${name}, in the past`, fake, at: 1e9 },
  ])

  test.each(cases)('$name', async ({ fake, at }) => {
    const code = `const FAKED = ${at}; ${fake}\n${handler}`
    const runtime = await RuntimeProcess.with({ files: { 'index.js': code }, timeoutMs: 1_000 }, { stdin: 'pipe' })
    const { status, text } = await runtime.invoke({}, { deadlineMs: 10_000 })
    expect({ status, faked: JSON.parse(text)[0] }).toEqual({ status: 200, faked: true })
    expect(JSON.parse(text)[1]).toBeLessThanOrEqual(10_000)
    const timedOut = await runtime.invoke({ hang: true }, { deadlineMs: 1_000 })
    expect(timedOut).toMatchObject({ status: 500, headers: { 'dormouse-error': 'timeout' } })
    expect(await runtime.exited).toEqual({ code: 0, signal: null })
    const year = String(new Date().getUTCFullYear())
    expect(runtime.stdout.match(/^[\d-]+T.*\ttold$/gm)?.every((line) => line.startsWith(year))).toBe(true)
    expect(runtime.stdout).not.toMatch(/Duration: NaN/)
  })
})

test.each([
  ['{ ...process.env }', ['Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1', null]],
  ['Object.freeze({ ...process.env })', [null, null]],
])('an environment put in the place of the process’s, %s, has the trace of each invocation', async (env, traces) => {
  const code = `process.env = ${env}
    export const handler = () => process.env._X_AMZN_TRACE_ID ?? null`
  const runtime = await RuntimeProcess.with({ files: { 'index.mjs': code } })
  const headers = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }
  const answers = [await runtime.invoke({}, { headers }), await runtime.invoke({})]
  expect(answers.map(({ text }) => JSON.parse(text) as unknown)).toEqual(traces)
})
