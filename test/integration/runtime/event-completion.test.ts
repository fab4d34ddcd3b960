import { afterEach, describe, expect, test } from '@jest/globals'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

afterEach(endRuntimes)

const event = (code: string, more = {}) =>
  RuntimeProcess.with({ files: { 'index.mjs': `export const handler = ${code}` }, ...more })

describe('an event function ends', () => {
  test('with its callback once the event loop is empty', async () => {
    const runtime = await event(`(event, context, callback) => {
      const answer = { late: false }
      setTimeout(() => { answer.late = true }, 150)
      callback(null, answer)
    }`)
    expect((await runtime.invoke({})).text).toBe('{"late":true}')
    expect((await runtime.invoke({})).text).toBe('{"late":true}')
  })

  test('with its callback at once when callbackWaitsForEmptyEventLoop is false', async () => {
    const runtime = await event(`(event, context, callback) => {
      context.callbackWaitsForEmptyEventLoop = false
      setInterval(() => {}, 1000)
      callback(null, 'now')
    }`)
    expect((await runtime.invoke({})).text).toBe('"now"')
  })

  test('with a timeout when an interval keeps the loop busy after the callback', async () => {
    const runtime = await event(
      `(event, context, callback) => { setInterval(() => {}, 10); callback(null, 'never') }`,
      {
        timeoutMs: 300,
      },
    )
    const answer = await runtime.invoke({}, { deadlineMs: 300 })
    expect(answer.headers['dormouse-error']).toBe('timeout')
  })

  test('at once when a promise resolves, whatever still runs', async () => {
    const runtime = await event(`async () => { setInterval(() => {}, 1000); return 'done' }`)
    expect((await runtime.invoke({})).text).toBe('"done"')
  })

  test('with the first of several completions', async () => {
    const runtime = await event(
      `async (event, context, callback) => { callback(null, 'first'); callback(null, 'second'); return 'third' }`,
    )
    expect((await runtime.invoke({})).text).toBe('"first"')
  })

  test('with null when it neither returns nor calls back and the loop drains', async () => {
    const runtime = await event(`(event, context, callback) => {}`)
    expect((await runtime.invoke({})).text).toBe('null')
    expect((await runtime.invoke({})).text).toBe('null')
  })

  test('with a plain value it returns without being async', async () => {
    const runtime = await event(`(event) => ({ sync: true })`)
    expect((await runtime.invoke({})).text).toBe('{"sync":true}')
  })

  test('with context.succeed, though it returns a timer', async () => {
    const runtime = await event(`(event, context) => setTimeout(() => context.succeed('old style'), 20)`)
    expect((await runtime.invoke({})).text).toBe('"old style"')
  })

  test('as a failure when its promise can never settle', async () => {
    const runtime = await event(`(event) => (event.hang ? new Promise(() => {}) : Promise.resolve(1))`)
    const answer = await runtime.invoke({ hang: true })
    expect(answer.headers['dormouse-error']).toBe('unhandled')
    expect(JSON.parse(answer.text)).toMatchObject({ errorType: 'Runtime.NodeJsExit' })
    expect((await runtime.invoke({})).text).toBe('1')
  })

  test('waits for real input and output though nobody else holds the loop', async () => {
    const runtime = await event(`async () => {
      const { setTimeout: sleep } = await import('node:timers/promises')
      await sleep(100)
      await new Promise((r) => process.getBuiltinModule('fs').readFile('/proc/self/status', r))
      return 'read'
    }`)
    expect((await runtime.invoke({})).text).toBe('"read"')
    expect(await runtime.health()).toMatchObject({ state: 'specialized' })
  })
})
