import { afterEach, describe, expect, jest, test } from '@jest/globals'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

// The thread of the watchdog gives way to whatever else the machine has to do.
jest.setTimeout(180_000)
afterEach(endRuntimes)

const event = (code: string, more = {}) =>
  RuntimeProcess.with({ files: { 'index.mjs': `export const handler = ${code}` }, ...more })

/** Whoever comes next must not be sent there. */
const LAST = { 'dormouse-leaving': 'true' }

const object = (text: string) => JSON.parse(text) as { errorType: string; errorMessage: string }

describe('a process that cannot go on answers first, then ends', () => {
  test.each<[string, string, string, string, number]>([
    [
      'process.exit(7)',
      'process.exit(7)',
      'Runtime.ExitError',
      'RequestId: req-1 Error: Runtime exited with error: exit status 7',
      7,
    ],
    [
      'process.exit()',
      'process.exit()',
      'Runtime.ExitError',
      'RequestId: req-1 Error: Runtime exited without providing a reason',
      0,
    ],
    ['an uncaught exception', 'setTimeout(() => { throw new TypeError("late") }, 5)', 'TypeError', 'late', 129],
    [
      'an unhandled rejection',
      'Promise.reject(new Error("lost"))',
      'Runtime.UnhandledPromiseRejection',
      'Error: lost',
      128,
    ],
  ])('%s', async (...[_what, statement, errorType, errorMessage, code]) => {
    const runtime = await event(`() => new Promise(() => { ${statement}; setInterval(() => {}, 100) })`)
    const answer = await runtime.invoke({})
    expect(answer).toMatchObject({ status: 500, headers: { 'dormouse-error': 'unhandled', ...LAST } })
    expect(object(answer.text)).toMatchObject({ errorType, errorMessage })
    expect(await runtime.exited).toEqual({ code, signal: null })
    expect(runtime.stdout).toContain('END RequestId: req-1')
    expect(runtime.codeDirs()).toEqual([])
  })

  test.each([
    ['SIGKILL', `process.kill(process.pid, 'SIGKILL')`],
    ['SIGABRT', `process.abort()`],
  ])('%s sent to itself', async (signal, statement) => {
    const runtime = await event(`async () => { ${statement} }`)
    const answer = await runtime.invoke({})
    expect(object(answer.text).errorMessage).toBe(
      `RequestId: req-1 Error: Runtime exited with error: signal: ${signal}`,
    )
    expect((await runtime.exited).signal).toBe(signal)
  })

  test('all running invocations at once', async () => {
    const runtime = await event(
      `async (e) => { if (++running === 3) process.exit(1); await new Promise((r) => setTimeout(r, 60_000)) }; let running = 0`,
      { concurrency: 3 },
    )
    const answers = await Promise.all([1, 2, 3].map((n) => runtime.invoke({ n })))
    for (const answer of answers) expect(answer.headers).toMatchObject({ 'dormouse-error': 'unhandled', ...LAST })
  })

  test('a request that is answered by node itself, too', async () => {
    const code = `(req, res) => (req.url === '/end' ? process.exit(1) : setTimeout(() => { throw new Error('x') }, 5))`
    for (const path of ['/end', '/throw']) {
      const runtime = await event(code, { signature: 'http' })
      expect(
        await runtime.call({ path, headers: { 'dormouse-deadline-ms': String(Date.now() + 9000) } }),
      ).toMatchObject({ status: 500, headers: LAST })
      await runtime.exited
    }
  })

  test('and a failure that it lives on after does not say so', async () => {
    const runtime = await event(`async () => { throw new Error('handled') }`)
    expect((await runtime.invoke({})).headers).not.toHaveProperty('dormouse-leaving')
  })

  test('and with nothing running just ends, after saying why', async () => {
    const runtime = await event(`async () => { setTimeout(() => { throw new Error('behind your back') }, 50) }`)
    await runtime.invoke({})
    expect((await runtime.exited).code).toBe(129)
    expect(runtime.stdout).toMatch(
      /\tERROR\tUncaught Exception \t\{"errorType":"Error","errorMessage":"behind your back"/,
    )
  })
})

describe('a deadline', () => {
  test('is answered as timeout; the environment is reset', async () => {
    const runtime = await event(`async () => { await new Promise((r) => setTimeout(r, 5000)) }`, { timeoutMs: 1_000 })
    const answer = await runtime.invoke({}, { deadlineMs: 1_000 })
    expect(answer).toMatchObject({ status: 500, headers: { 'dormouse-error': 'timeout', ...LAST } })
    expect(object(answer.text)).toEqual({
      errorType: 'Sandbox.Timedout',
      errorMessage: 'RequestId: req-1 Error: Task timed out after 1.00 seconds',
      trace: [],
    })
    expect(await runtime.exited).toEqual({ code: 0, signal: null })
    expect(runtime.stdout).toMatch(/Z req-1 Task timed out after 1.00 seconds\n/)
  })

  test('leaves others that run in the same process their time', async () => {
    const runtime = await event(`async (e) => { await new Promise((r) => setTimeout(r, e.ms)); return e.ms }`, {
      concurrency: 2,
    })
    const slow = runtime.invoke({ ms: 3_500 }, { requestId: 'slow' })
    const late = await runtime.invoke({ ms: 5000 }, { deadlineMs: 500, requestId: 'late' })
    expect(late.headers['dormouse-error']).toBe('timeout')
    expect((await runtime.invoke({ ms: 1 })).headers['dormouse-refused']).toBe('leaving')
    expect((await slow).text).toBe('3500')
    expect((await runtime.exited).code).toBe(0)
  })

  test('that has passed already is answered without executing, and resets nothing', async () => {
    const runtime = await event(`async () => 1`)
    const answer = await runtime.invoke({}, { deadlineMs: -1 })
    expect(answer).toMatchObject({ headers: { 'dormouse-error': 'timeout' }, informational: [] })
    expect(answer.headers).not.toHaveProperty('dormouse-leaving')
    expect(runtime.stdout).toBe('')
    expect((await runtime.invoke({})).text).toBe('1')
  })

  test('passed by a blocked loop is answered by the watchdog, which names the request and ends the process', async () => {
    const runtime = await event(`async () => { console.log('before'); for (;;); }`, { timeoutMs: 1_000 })
    const answer = await runtime.invoke({}, { deadlineMs: 1_000, requestId: 'blocked-1' })
    const headers = { 'dormouse-error': 'timeout', ...LAST }
    expect(answer).toMatchObject({ status: 500, headers, informational: [102] })
    expect((await runtime.exited).signal).toBe('SIGKILL')
    expect(await runtime.printed('blocked past', 'stderr')).toMatch(
      /blocked-1\tERROR\tThe event loop is blocked past the deadline/,
    )
    expect(runtime.stdout).toMatch(/START RequestId: blocked-1 Version: \$LATEST\n.*\tblocked-1\tINFO\tbefore\n/)
  })

  test('does not end a process whose loop only was blocked for a while', async () => {
    const runtime = await event(`async () => { const t = Date.now(); while (Date.now() - t < 400); return 'ok' }`)
    expect((await runtime.invoke({}, { deadlineMs: 2_000 })).text).toBe('"ok"')
    await new Promise((resolve) => setTimeout(resolve, 2_800))
    expect((await runtime.invoke({})).text).toBe('"ok"')
  })

  test('with the reset hung on a blocked loop still ends the process', async () => {
    const runtime = await event(`async () => { await new Promise((r) => setTimeout(r, 1000)); for (;;); }`, {
      timeoutMs: 999,
    })
    await runtime.invoke({}, { deadlineMs: 999 }).catch(() => undefined)
    await runtime.exited
  })
})

test('a function that takes far more memory than it may is ended with an answer', async () => {
  const runtime = await event(
    `async () => { const keep = []; for (;;) { keep.push(Buffer.alloc(8e6, 1)); await new Promise((r) => setTimeout(r, 5)) } }`,
    { memoryMb: 64, timeoutMs: 20000 },
  )
  const answer = await runtime.invoke({}, { deadlineMs: 15000 })
  expect(object(answer.text).errorType).toBe('Runtime.OutOfMemory')
  expect((await runtime.exited).signal).toBe('SIGKILL')
})

describe('a trace names lines of the source', () => {
  const code = `exports.handler = async () => { throw new Error('mapped') }\n`
  const map = JSON.stringify({ version: 3, sources: ['../src/orders.ts'], names: [], mappings: 'AAUA' })
  const traceOf = async (files: Record<string, string>) => {
    const runtime = await RuntimeProcess.with({ files })
    return (JSON.parse((await runtime.invoke({})).text) as { trace: string[] }).trace[1]
  }

  test('when a source map lies beside the handler', async () => {
    const files = { 'index.js': `${code}//# sourceMappingURL=index.js.map`, 'index.js.map': map }
    expect(await traceOf(files)).toMatch(/ \(?\.\.\/src\/orders\.ts:11:1\)?$/)
  })

  test('which may be broken', async () => {
    const files = { 'index.js': `${code}//# sourceMappingURL=index.js.map`, 'index.js.map': '{"version":3,"sou' }
    expect(await traceOf(files)).toMatch(/index\.js:1:\d/)
  })
})
