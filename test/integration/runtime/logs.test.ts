import { afterEach, describe, expect, test } from '@jest/globals'
import { eventually } from '../../builders/eventually.ts'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

afterEach(endRuntimes)

const event = (code: string, more = {}) => RuntimeProcess.with({ files: { 'index.mjs': code }, ...more })
const LINE = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\t([^\t]+)\t(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\t(.*)$/s

describe('logs', () => {
  test('are lines of time, request id, level, message between START, END and REPORT', async () => {
    const runtime = await event(`export const handler = async () => {
      console.log('a %s', 1, { b: 2 }); console.info('i'); console.warn('w'); console.error('e'); console.debug('d'); console.fatal('f'); console.trace('t'); console.table([1]) }`)
    await runtime.invoke({}, { requestId: 'r-1' })
    await runtime.printed('REPORT')
    const lines = runtime.stdout.split('\n').slice(0, -1)
    expect(lines[0]).toBe('START RequestId: r-1 Version: $LATEST')
    const user = lines.slice(1, -2).map((line) => LINE.exec(line)?.slice(2, 5))
    expect(user.slice(0, 6)).toEqual([
      ['r-1', 'INFO', 'a 1 { b: 2 }'],
      ['r-1', 'INFO', 'i'],
      ['r-1', 'WARN', 'w'],
      ['r-1', 'ERROR', 'e'],
      ['r-1', 'DEBUG', 'd'],
      ['r-1', 'FATAL', 'f'],
    ])
    expect(user[6]?.[2]).toMatch(/^Trace: t\r {4}at handler/)
    expect(user[7]?.[2]).toContain('(index)')
    expect(lines.at(-2)).toBe('END RequestId: r-1')
    expect(lines.at(-1)).toMatch(
      /^REPORT RequestId: r-1\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: \d+ MB\tInit Duration: [\d.]+ ms\t$/,
    )
  })

  test('are such lines whatever method of console they come from', async () => {
    const runtime = await event(`export const handler = async () => {
      console.dirxml('a %s', 1, { b: 2 }); console.dir({ c: 3 }); console.assert(false, 'not %s', 'so')
      console.count(); console.countReset(); console.group('group'); console.groupCollapsed('inner'); console.groupEnd()
      console.time('t'); console.timeLog('t'); console.timeEnd('t') }`)
    await runtime.invoke({}, { requestId: 'r-1' })
    await runtime.printed('REPORT')
    const user = runtime.stdout.split('\n').slice(1, -3)
    const known = user.map((line) => LINE.exec(line)?.slice(2, 5) ?? line)
    expect(known).toEqual([
      ['r-1', 'INFO', 'a 1 { b: 2 }'],
      ['r-1', 'INFO', '{ c: 3 }'],
      ['r-1', 'WARN', 'Assertion failed: not so'],
      ['r-1', 'INFO', 'default: 1'],
      ['r-1', 'INFO', 'group'],
      ['r-1', 'INFO', 'inner'],
      ['r-1', 'INFO', expect.stringMatching(/^t: .*ms$/)],
      ['r-1', 'INFO', expect.stringMatching(/^t: .*ms$/)],
    ])
    expect(runtime.stderr).toBe('')
  })

  test('begin on a line of their own, in the tail, too, whatever user code left unfinished', async () => {
    const runtime = await event(`export const handler = async () => {
      process.stdout.write('progress: '); process.stdout.write('1'); process.stdout.write('00%'); console.log('record')
      process.stdout.write('whole\\n'); console.log('next'); process.stdout.write('unfinished'); process.stdout.write('') }`)
    const { headers } = await runtime.invoke({}, { headers: { 'dormouse-log-type': 'Tail' } })
    const tail = Buffer.from(String(headers['dormouse-log-result']), 'base64').toString()
    const want = [
      /^START/,
      /^progress: 100%$/,
      /\trecord$/,
      /^whole$/,
      /\tnext$/,
      /^unfinished$/,
      /^END/,
      /^REPORT/,
      /^$/,
    ]
    for (const text of [tail, await runtime.printed('REPORT')]) {
      expect(text.split('\n')).toEqual(want.map((line) => expect.stringMatching(line)))
    }
  })

  test('keep a record on one line: stack traces have carriage returns', async () => {
    const runtime = await event(`export const handler = async () => { console.error(new TypeError('bad')) }`)
    await runtime.invoke({})
    expect(await runtime.printed('END')).toMatch(
      /\tERROR\tTypeError: bad\r {4}at handler [^\n]*index\.mjs:1:\d+\)\r?[^\n]*\n/,
    )
  })

  test('of eighty invocations at once carry their own ids', async () => {
    const runtime = await event(
      `import { setTimeout as sleep } from 'node:timers/promises'
       export const handler = async ({ n }) => { console.log('a' + n); await sleep(Math.random() * 50); console.log('b' + n); return n }`,
      { concurrency: 80 },
    )
    await Promise.all(Array.from({ length: 80 }, (_, n) => runtime.invoke({ n }, { requestId: `id-${n}` })))
    await eventually('all have ended', () => (runtime.stdout.match(/^END/gm) ?? []).length >= 80)
    const user = runtime.stdout
      .split('\n')
      .map((line) => LINE.exec(line))
      .filter((match) => match !== null)
    expect(user).toHaveLength(160)
    for (const match of user) expect(match[4]?.slice(1)).toBe(match[2]?.slice(3))
  })

  test('while the code loads have no request id', async () => {
    const runtime = await event(`console.log('loading'); export const handler = async () => 1`)
    expect(LINE.exec((await runtime.printed('loading')).trim())?.slice(2)).toEqual(['-', 'INFO', 'loading'])
  })

  test('written to process.stdout pass as they are, and are in the tail', async () => {
    const runtime = await event(`export const handler = async () => {
      process.stdout.write('{"raw":'); process.stdout.write('1}\\n'); process.stderr.write(Buffer.from('err\\n')) }`)
    const answer = await runtime.invoke({}, { headers: { 'dormouse-log-type': 'Tail' } })
    expect(await runtime.printed('END')).toMatch(/\n\{"raw":1\}\n/)
    // Another pipe: nothing orders the two.
    expect(await runtime.printed('err\n', 'stderr')).toBe('err\n')
    const tail = Buffer.from(String(answer.headers['dormouse-log-result']), 'base64').toString()
    expect(tail).toMatch(/^START[^]*\{"raw":1\}\nerr\nEND RequestId: req-1\nREPORT/)
  })

  test('go on after user code ended process.stdout', async () => {
    const runtime = await event(
      `export const handler = async () => { process.stdout.end('last\\n'); process.stderr.destroy(); process.stdout.write('more\\n'); console.log('still'); return 1 }`,
    )
    expect((await runtime.invoke({})).text).toBe('1')
    expect((await runtime.invoke({})).text).toBe('1')
    expect(await runtime.printed('REPORT')).toMatch(/\nlast\nmore\n.*\tstill\n/)
  })

  test('are what pipelines into process.stdout end with, each time', async () => {
    const runtime = await event(`import { Readable, Writable } from 'node:stream'
      import { pipeline } from 'node:stream/promises'
      export const handler = async () => {
        await pipeline(Readable.from(['piped\\n']), process.stdout)
        await new Response('from the web\\n').body.pipeTo(Writable.toWeb(process.stdout))
        return 'on' }`)
    for (let round = 0; round < 2; round++) expect((await runtime.invoke({})).text).toBe('"on"')
    await eventually('all is told', () => runtime.stdout.match(/^REPORT/gm)?.length === 2)
    expect(runtime.stdout.match(/^(piped|from the web)$/gm)).toHaveLength(4)
  })

  test('written to the descriptors themselves, as pino does it, pass as they are, and are in the tail', async () => {
    const runtime = await event(`
      import fs, { writeSync } from 'node:fs'
      import { promisify } from 'node:util'
      export const handler = async () => {
        writeSync(1, 'text\\n')
        fs.writeSync(2, '6572720a', null, 'hex')
        fs.writeSync(1, Buffer.from('..part\\n..'), 2, 5)
        fs.writeSync(1, Buffer.from('..options\\n..'), { offset: 2, length: 8 })
        fs.writevSync(1, [Buffer.from('one'), new Uint8Array([10])])
        const { bytesWritten } = await promisify(fs.write)(1, 'later\\n')
        let refused
        try { fs.writeSync(1, 7) } catch ({ code }) { refused = code }
        return [bytesWritten, refused]
      }`)
    const answer = await runtime.invoke({}, { headers: { 'dormouse-log-type': 'Tail' } })
    expect(JSON.parse(answer.text)).toEqual([6, 'ERR_INVALID_ARG_TYPE'])
    const tail = Buffer.from(String(answer.headers['dormouse-log-result']), 'base64').toString()
    expect(tail).toMatch(/^START.*\ntext\nerr\npart\noptions\none\nlater\nEND RequestId: req-1\nREPORT/)
    expect(await runtime.printed('REPORT')).toMatch(/^START.*\ntext\npart\noptions\none\nlater\nEND/)
    expect(await runtime.printed('err\n', 'stderr')).toBe('err\n')
  })

  /** The runtime's are sockets here, as on a laptop: Linux opens none by a name. */
  test.each([
    ['a stream', `fs.createWriteStream(path, { flags: 'a' }).end(text)`],
    ['a descriptor', `const fd = fs.openSync(path, 'a'); fs.writeSync(fd, text); fs.closeSync(fd)`],
    ['an opened one', `fs.open(path, 'a', (_error, fd) => fs.write(fd, text, () => fs.close(fd)))`],
    ['a file that is added to', `fs.appendFileSync(path, text)`],
    ['a file that is added to later', `fs.appendFile(path, text, () => undefined)`],
    ['a file', `writeFileSync(path, text)`],
    ['a promised file', `void appendFile(path, text)`],
  ])('written to /dev/stdout and /dev/stderr as %s pass as they are', async (_how, statements) => {
    const code = `import fs, { writeFileSync } from 'node:fs'
      import { appendFile } from 'node:fs/promises'
      const write = (path, text) => { ${statements} }
      export const handler = async () => { write('/dev/stdout', 'to stdout\\n'); write('/dev/stderr', 'to stderr\\n') }`
    const runtime = await RuntimeProcess.with({ files: { 'index.mjs': code } })
    expect((await runtime.invoke({})).status).toBe(200)
    expect(await runtime.printed('to stdout\n')).toMatch(/^to stdout$/m)
    expect(await runtime.printed('to stderr\n', 'stderr')).toBe('to stderr\n')
    expect((await runtime.invoke({})).status).toBe(200)
  })

  test('in the tail are the last 4 KB of this invocation only', async () => {
    const runtime = await event(
      `export const handler = async ({ n }) => { for (let i = 0; i < 300; i++) { console.log('line ' + n + ' ä' + i); if (i % 50 === 0) await new Promise(setImmediate) } }`,
      { concurrency: 2 },
    )
    const headers = { 'dormouse-log-type': 'Tail' }
    const answers = await Promise.all([1, 2].map((n) => runtime.invoke({ n }, { headers, requestId: `id-${n}` })))
    answers.forEach((answer, i) => {
      const bytes = Buffer.from(String(answer.headers['dormouse-log-result']), 'base64')
      expect(bytes.length).toBeLessThanOrEqual(4096)
      expect(bytes.length).toBeGreaterThan(4090)
      expect(bytes.toString()).toContain(`line ${i + 1} ä299`)
      expect(bytes.toString()).not.toContain(`line ${2 - i}`)
      expect(bytes.toString()).not.toContain('\ufffd')
    })
    expect((await runtime.invoke({ n: 3 })).headers['dormouse-log-result']).toBeUndefined()
  })

  test('survive the end of the process, and a reader that went away', async () => {
    const runtime = await event(`export const handler = async (e) => {
      if (e.end) { for (let i = 0; i < 5000; i++) console.log('n' + i); process.exit(1) }
      console.log('x'.repeat(100)); return 'fine' }`)
    await runtime.invoke({ end: true })
    await runtime.exited
    expect(runtime.stdout).toContain('\tn4999\n')
    const other = await event(
      `export const handler = async () => { console.log('x'.repeat(1000)); process.stdout.write('y'); return 'fine' }`,
    )
    other.child.stdout?.destroy()
    for (let i = 0; i < 3; i++) expect((await other.invoke({})).text).toBe('"fine"')
  })

  test('say what a handler failed with', async () => {
    const runtime = await event(`export const handler = async () => { throw new Error('told') }`)
    await runtime.invoke({})
    expect(await runtime.printed('END')).toMatch(
      /\treq-1\tERROR\tInvoke Error \t\{"errorType":"Error","errorMessage":"told","trace":\[/,
    )
  })
})
