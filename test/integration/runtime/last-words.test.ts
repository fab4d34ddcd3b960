import { afterEach, describe, expect, test } from '@jest/globals'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

afterEach(endRuntimes)

/** As found in the wild: a listener that cleans up and exits. */
const withListener = (listener: string) => ({
  'index.mjs': `process.on('SIGTERM', ${listener})
    export const handler = async (e) => { console.log('in'); await new Promise((r) => setTimeout(r, e.ms ?? 0)); return 'done' }`,
})

describe('a SIGTERM listener of user code', () => {
  test('hears of it once nothing runs any more, so that its exit fails nobody', async () => {
    const files = withListener(`() => { console.log('bye'); process.exit(0) }`)
    const runtime = await RuntimeProcess.with({ files, concurrency: 5 })
    const running = runtime.invoke({ ms: 300 })
    await runtime.printed('\tin\n')
    runtime.child.kill('SIGTERM')
    expect(await running).toMatchObject({ status: 200, text: '"done"' })
    expect(await runtime.exited).toEqual({ code: 0, signal: null })
    expect(runtime.stdout.match(/bye/g)).toHaveLength(1)
  })

  test('has a moment for what takes time, and its exit code counts', async () => {
    const files = withListener(`async (signal) => {
      await new Promise((r) => setTimeout(r, 50)); console.log('flushed', signal); process.exit(7)
    }`)
    const runtime = await RuntimeProcess.with({ files })
    runtime.child.kill('SIGTERM')
    expect(await runtime.exited).toEqual({ code: 7, signal: null })
    expect(runtime.stdout).toContain('flushed SIGTERM')
  })

  test.each([
    ['never exits', `() => setInterval(() => undefined, 1000)`],
    ['throws', `() => { throw new Error('x') }`],
    ['blocks the event loop', `() => { for (;;); }`],
  ])('that %s does not keep the pod', async (_how, listener) => {
    const runtime = await RuntimeProcess.with({ files: withListener(listener) })
    const sentAt = performance.now()
    runtime.child.kill('SIGTERM')
    await runtime.exited
    expect(performance.now() - sentAt).toBeLessThan(4_000)
  })
})
