import { afterEach, describe, expect, test } from '@jest/globals'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

afterEach(endRuntimes)

const event = (code: string, more = {}) => RuntimeProcess.with({ files: { 'index.mjs': code }, ...more })

describe('an event function', () => {
  test('answers the JSON of what its promise resolves to, after 102', async () => {
    const runtime = await event(`export const handler = async (event) => ({ hello: event.name })`)
    const answer = await runtime.invoke({ name: 'dormouse' })
    expect(answer).toMatchObject({ status: 200, text: '{"hello":"dormouse"}', informational: [102] })
    expect(answer.headers['content-type']).toBe('application/json')
  })

  test('turns undefined into null and takes an empty body as {}', async () => {
    const runtime = await event(`export const handler = async (event) => (Object.keys(event).length ? 1 : undefined)`)
    expect((await runtime.call()).text).toBe('null')
    expect((await runtime.invoke({ a: 1 })).text).toBe('1')
  })

  test('refuses a body that is not JSON with 400 and executes nothing', async () => {
    const runtime = await event(`export const handler = async () => 1`)
    const answer = await runtime.call({ body: '{' })
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.text)).toMatchObject({ errorType: 'InvalidRequestContent' })
    expect(runtime.stdout).not.toContain('START')
  })

  test('reports its cost, with init on the first invocation only', async () => {
    const runtime = await event(`export const handler = async () => 1`)
    const first = await runtime.invoke({})
    const second = await runtime.invoke({})
    expect(first.headers['dormouse-report']).toMatch(
      /^duration=\d+\.\d\d,billed=\d+,memory=128,max-memory=\d+,init=\d+\.\d\d$/,
    )
    expect(second.headers['dormouse-report']).toMatch(/^duration=\d+\.\d\d,billed=\d+,memory=128,max-memory=\d+$/)
  })

  test('gets a context as in Lambda', async () => {
    const runtime = await event(`export const handler = async (event, context) => ({
      ...context, left: context.getRemainingTimeInMillis(), env: process.env })`)
    const answer = await runtime.invoke(
      {},
      {
        requestId: 'r-77',
        deadlineMs: 30_000,
        headers: {
          'dormouse-client-context': Buffer.from('{"custom":{"a":1}}').toString('base64'),
          'dormouse-invoked-arn': 'arn:x:y',
          traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        },
      },
    )
    const context = JSON.parse(answer.text) as Record<string, unknown> & { left: number; env: Record<string, string> }
    expect(context).toMatchObject({
      functionName: 'hello',
      functionVersion: '$LATEST',
      memoryLimitInMB: '128',
      awsRequestId: 'r-77',
      invokedFunctionArn: 'arn:x:y',
      logStreamName: 'pod-1',
      callbackWaitsForEmptyEventLoop: true,
      clientContext: { custom: { a: 1 } },
    })
    expect(context.left).toBeGreaterThan(10_000)
    expect(context.left).toBeLessThanOrEqual(30_000)
    expect(context.env).toMatchObject({
      AWS_LAMBDA_FUNCTION_NAME: 'hello',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128',
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      _HANDLER: 'index.handler',
      _X_AMZN_TRACE_ID: 'Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1',
    })
    expect(Object.keys(context.env).filter((name) => name.startsWith('DORMOUSE'))).toEqual([])
  })

  test.each([
    ['throws', `() => { throw new TypeError('boom') }`, 'TypeError', 'boom'],
    ['rejects', `async () => { throw new RangeError('far') }`, 'RangeError', 'far'],
    ['calls back with an error', `(e, c, cb) => cb(new Error('back'))`, 'Error', 'back'],
    ['fails', `(e, c) => c.fail('why')`, 'string', 'why'],
    ['rejects with undefined', `async () => Promise.reject()`, 'undefined', 'undefined'],
  ])('that %s is answered 500 handled with the error object', async (...[_how, code, errorType, errorMessage]) => {
    const runtime = await event(`export const handler = ${code}`)
    const answer = await runtime.invoke({})
    expect(answer.status).toBe(500)
    expect(answer.headers['dormouse-error']).toBe('handled')
    expect(JSON.parse(answer.text)).toMatchObject({ errorType, errorMessage })
  })

  test('names its files relative to the code in traces', async () => {
    const runtime = await event(`export const handler = async () => {\n  throw new Error('x') }`)
    const { trace } = JSON.parse((await runtime.invoke({})).text) as { trace: string[] }
    expect(trace[1]).toBe('    at handler (index.mjs:2:9)')
    expect(trace.join()).not.toContain('runtime-node')
  })

  test.each([
    ['a circular result', `async () => { const a = {}; a.a = a; return a }`, 'Runtime.MarshalError'],
    ['a BigInt', `async () => 1n`, 'Runtime.MarshalError'],
    ['a function', `async () => () => 1`, 'Runtime.MarshalError'],
    ['more than 6 MB', `async () => 'x'.repeat(6 * 1024 * 1024)`, 'Function.ResponseSizeTooLarge'],
  ])('that returns %s is answered 500 unhandled, and serves on', async (_what, code, errorType) => {
    const runtime = await event(
      `let n = 0; const odd = ${code}; export const handler = async () => (n++ ? 'fine' : odd())`,
    )
    const answer = await runtime.invoke({})
    expect(answer).toMatchObject({ status: 500, headers: { 'dormouse-error': 'unhandled' } })
    expect(JSON.parse(answer.text)).toMatchObject({ errorType })
    expect((await runtime.invoke({})).text).toBe('"fine"')
  })

  test('refuses a request above 6 MB with 413', async () => {
    const runtime = await event(`export const handler = async () => 1`)
    const answer = await runtime.call({ body: JSON.stringify('x'.repeat(6 * 1024 * 1024)) })
    expect(answer.status).toBe(413)
    expect((await runtime.invoke({})).status).toBe(200)
  })

  test('binds nested exports to what holds them', async () => {
    const runtime = await event(
      `class Api { greeting = 'hi'; handle() { return Promise.resolve(this.greeting) } }\nexport const api = new Api()`,
      { handler: 'index.api.handle' },
    )
    expect((await runtime.invoke({})).text).toBe('"hi"')
  })
})
