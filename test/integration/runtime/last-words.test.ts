import { afterEach, describe, expect, jest, test } from '@jest/globals'
import { readdirSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { eventually } from '../../builders/eventually.ts'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

// The thread of the watchdog gives way to whatever else the machine has to do.
jest.setTimeout(180_000)
afterEach(endRuntimes)

/** As found in the wild: a listener that cleans up and exits. */
const withListener = (listener: string) => ({
  'index.mjs': `process.on('SIGTERM', ${listener})
    export const handler = async (e) => { console.log('in'); await new Promise((r) => setTimeout(r, e.ms ?? 0)); return 'done' }`,
})

/** The call that runs at SIGTERM is finished, and then the process ends by itself. */
async function endedWhileItServes(files: Record<string, string>): Promise<RuntimeProcess> {
  const runtime = await RuntimeProcess.with({ files, concurrency: 5 })
  const running = runtime.invoke({ ms: 300 })
  await runtime.printed('\tin\n')
  runtime.child.kill('SIGTERM')
  expect(await running).toMatchObject({ status: 200, text: '"done"' })
  expect(await runtime.exited).toEqual({ code: 0, signal: null })
  return runtime
}

/** Its thread is the one that gives way to all others; once it has started it sleeps nearly all the time. */
function watchdogOf(pid: number): { waits(): boolean } {
  const state = () => {
    const threads = readdirSync(`/proc/${pid}/task`).map((id) => readFileSync(`/proc/${pid}/task/${id}/stat`, 'utf8'))
    // State and nice value, behind a name that may have spaces.
    const fields = threads.map((stat) => stat.slice(stat.lastIndexOf(')') + 2).split(' '))
    return fields.find((field) => Number(field[16]) === constants.priority.PRIORITY_LOW)?.[0]
  }
  let looks = 0
  return { waits: () => (looks = state() === 'S' ? looks + 1 : 0) > 50 }
}

describe('a SIGTERM listener of user code', () => {
  test('hears of it once nothing runs any more, so that its exit fails nobody', async () => {
    const files = withListener(`() => { console.log('bye'); process.exit(0) }`)
    const runtime = await endedWhileItServes(files)
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

  test.each(['SIGTERM', 'SIGINT'] as const)('that sends %s on when it is done ends the pod at once', async (signal) => {
    const code = `process.once('${signal}', () => {
        setTimeout(() => { console.log('cleaned'); process.kill(process.pid, '${signal}') }, 20)
        setTimeout(() => console.log('still there'), 2_000)
      })
      export const handler = () => 1`
    const runtime = await RuntimeProcess.with({ files: { 'index.mjs': code } })
    runtime.child.kill(signal)
    expect(await runtime.exited).toEqual({ code: 0, signal: null })
    expect(runtime.stdout).toContain('cleaned')
    expect(runtime.stdout).not.toContain('still there')
  })

  test('that finds itself alone, as signal-exit asks, sends it on', async () => {
    const code = `
      const onSignal = (signal) => {
        if (process.listeners(signal).length > 1) return
        process.off(signal, onSignal)
        console.log('alone')
        process.kill(process.pid, signal)
      }
      process.on('SIGTERM', onSignal)
      export const handler = () => 1`
    const runtime = await RuntimeProcess.with({ files: { 'index.mjs': code } })
    runtime.child.kill('SIGTERM')
    expect(await runtime.exited).toEqual({ code: 0, signal: null })
    expect(runtime.stdout).toContain('alone')
  })

  test.each([
    ['exit', 'process.exit(3)'],
    ['exit', `process.kill(process.pid, 'SIGTERM')`],
    ['uncaughtException', `setTimeout(() => { throw new Error('x') }); await new Promise((r) => setTimeout(r, 100))`],
  ])('of %s that blocks the event loop does not keep the pod, after %s', async (event, statement) => {
    const code = `process.on('${event}', () => { for (;;); })
      export const handler = async () => { ${statement} }`
    const runtime = await RuntimeProcess.with({ files: { 'index.mjs': code } })
    const watchdog = watchdogOf(runtime.pid)
    await eventually('the watchdog waits', () => watchdog.waits(), { withinMs: 90_000, everyMs: 20 })
    await runtime.invoke({})
    expect(await runtime.exited).toEqual({ code: null, signal: 'SIGKILL' })
  })

  test('that sends its signal on while something runs fails nobody', async () => {
    const files = withListener(`() => undefined`)
    files['index.mjs'] = files['index.mjs'].replace(`console.log('in')`, `process.kill(process.pid, 'SIGTERM')`)
    const runtime = await RuntimeProcess.with({ files })
    expect(await runtime.invoke({ ms: 100 })).toMatchObject({ status: 200, text: '"done"' })
    expect(await runtime.exited).toEqual({ code: 0, signal: null })
  })

  test.each([
    'process.removeAllListeners(signal)',
    'for (const one of process.listeners(signal)) process.off(signal, one)',
  ])('removed with all others, %s, leaves what runs to be finished', async (removal) => {
    const files = withListener(`() => console.log('removed')`)
    files['index.mjs'] += `\nfor (const signal of ['SIGTERM', 'SIGINT']) { ${removal} }`
    const runtime = await endedWhileItServes(files)
    expect(runtime.stdout).not.toContain('removed')
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
    expect(performance.now() - sentAt).toBeLessThan(20_000)
  })
})

describe('a listener of exit', () => {
  /** As those of loggers do whose threads have lines to write. */
  const WORKER = `import { writeSync } from 'node:fs'
    import { workerData } from 'node:worker_threads'
    writeSync(1, 'from a thread\\n')
    Atomics.store(workerData, 0, 1)
    Atomics.notify(workerData, 0)`

  test.each([
    ['loads what it needs', `console.log(createRequire(import.meta.url)('./bye.cjs'))`, 'from a file'],
    ['reads files', `console.log(readFileSync('bye.cjs', 'utf8'))`, 'from a file'],
    [
      'waits for a thread that starts',
      `const done = new Int32Array(new SharedArrayBuffer(4))
       new Worker(new URL('./worker.mjs', import.meta.url), { workerData: done })
       Atomics.wait(done, 0, 0)`,
      'from a thread',
    ],
  ])('%s: its code is removed behind it', async (_what, statements, printed) => {
    const code = `import { createRequire } from 'node:module'
      import { readFileSync } from 'node:fs'
      import { Worker } from 'node:worker_threads'
      process.on('exit', () => { ${statements} })
      export const handler = () => 1`
    const files = { 'index.mjs': code, 'bye.cjs': `module.exports = 'from a file'`, 'worker.mjs': WORKER }
    const runtime = await RuntimeProcess.with({ files })
    runtime.child.kill('SIGTERM')
    expect(await runtime.exited).toEqual({ code: 0, signal: null })
    expect(runtime.stdout).toContain(printed)
    expect(runtime.codeDirs()).toEqual([])
  })
})
