import { afterEach, expect, test } from '@jest/globals'
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
  expect(await runtime.invoke({ hang: true }, { deadlineMs: 200 })).toMatchObject({
    status: 500,
    headers: { 'dormouse-error': 'timeout' },
  })
  expect((await runtime.exited).code).toBe(0)
})
