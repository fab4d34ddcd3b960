import { afterEach, describe, expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { readFileSync, realpathSync } from 'node:fs'
import { connect } from 'node:net'
import { CODE_LIMITS, codeFiles, packCode } from '../../../controller/code/packed-code.ts'
import { eventually } from '../../builders/eventually.ts'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

afterEach(endRuntimes)

const FILES = { 'index.mjs': 'export const handler = async () => 1' }

describe('POST /specialize', () => {
  test('turns a generic pod into the function, and health tells so', async () => {
    const runtime = await RuntimeProcess.start()
    expect(await runtime.health()).toEqual({ state: 'generic' })
    const refused = await runtime.invoke({})
    expect(refused).toMatchObject({
      status: 503,
      headers: { 'dormouse-refused': 'not-specialized' },
      informational: [],
    })
    const answer = await runtime.specialize({ files: FILES })
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.text)).toEqual({ initMs: expect.any(Number), acknowledges: true })
    const health = await runtime.health()
    const proof = `proof of ${runtime.uid}`
    expect(health).toEqual({
      ...{ state: 'specialized', function: 'default/hello', revision: 'r1' },
      acknowledges: true,
      proof,
    })
    expect((await runtime.invoke({})).text).toBe('1')
  })

  test('has a single winner among many at once', async () => {
    const runtime = await RuntimeProcess.start()
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) => runtime.specialize({ files: FILES, revision: `r${i}` })),
    )
    const winners = answers.filter(({ status }) => status === 200)
    const losers = answers.filter(({ status }) => status === 409)
    expect([winners.length, losers.length]).toEqual([1, 7])
    const { revision } = await runtime.health()
    for (const loser of losers) expect(JSON.parse(loser.text)).toEqual({ function: 'default/hello', revision })
  })

  test.each<[string, number, (runtime: RuntimeProcess) => Promise<{ status: number }>]>([
    ['a forged signature', 403, (r) => r.specializeRaw('{}', Buffer.alloc(64).toString('base64'))],
    ['no valid base64', 403, (r) => r.specializeRaw('{}', '***')],
    [
      'a body changed after signing',
      403,
      (r) =>
        r.specializeRaw(
          `${JSON.stringify(r.body({ files: FILES }))} `,
          r.sign(JSON.stringify(r.body({ files: FILES }))),
        ),
    ],
    ['another pod uid', 403, (r) => r.specialize({ files: FILES, podUid: 'other' })],
    ['an expiry in the past', 403, (r) => r.specialize({ files: FILES, expiresAt: Date.now() - 1 })],
    ['what is not JSON', 400, (r) => r.specializeRaw('{')],
    ['missing fields', 400, (r) => r.specializeRaw('{}')],
    ['a file outside', 400, (r) => r.specialize({ files: { '../x.mjs': '' } })],
    ['an absolute file', 400, (r) => r.specialize({ files: { '/x.mjs': '' } })],
    ['a file below a file', 400, (r) => r.specialize({ files: { a: '', 'a/b': '' } })],
  ])('refuses %s with %d and stays generic', async (_what, status, attempt) => {
    const runtime = await RuntimeProcess.start()
    expect((await attempt(runtime)).status).toBe(status)
    expect(await runtime.health()).toEqual({ state: 'generic' })
    expect((await runtime.specialize({ files: FILES })).status).toBe(200)
  })

  test('takes the largest code that a controller sends, and refuses far more with 413', async () => {
    const runtime = await RuntimeProcess.start()
    const tooLarge = await runtime.specializeRaw(' '.repeat(25 * 1024 * 1024))
    expect(tooLarge.status).toBe(413)
    // A period that an archive makes nothing of is beyond gzip's window once it is base64 in JSON: nothing packs worse.
    const index = Buffer.from(FILES['index.mjs'])
    const periodic = Buffer.alloc(CODE_LIMITS.unpackedBytes - index.length, randomBytes(16_001))
    const packed = await packCode(
      codeFiles([
        ['index.mjs', index],
        ['large.bin', periodic],
      ]),
    )
    const { files: _files, ...body } = runtime.body({ packed: packed.toString('base64') })
    const answer = await runtime.specializeRaw(JSON.stringify(body))
    expect(answer).toMatchObject({ status: 200 })
    expect((await runtime.invoke({})).text).toBe('1')
  })

  test('gives user code its files, environment and directory', async () => {
    const runtime = await RuntimeProcess.with({
      files: {
        'src/app/main.js': `const { text } = require('../lib.js')
          exports.nested = { handler: async () => ({ text, cwd: process.cwd(), root: process.env.LAMBDA_TASK_ROOT, a: process.env.A }) }`,
        'src/lib.js': `exports.text = require('fs').readFileSync(process.env.LAMBDA_TASK_ROOT + '/data/t.txt', 'utf8')`,
        'data/t.txt': 'grüße',
      },
      handler: 'src/app/main.nested.handler',
      env: { A: 'b' },
    })
    const result = JSON.parse((await runtime.invoke({})).text) as Record<string, string>
    expect(result).toMatchObject({ text: 'grüße', a: 'b' })
    expect(result['cwd']).toBe(result['root'])
    expect(runtime.codeDirs()).toHaveLength(1)
  })

  test('gives the files of an archive their times, as what serves them makes their ETags of these', async () => {
    const index = `const { statSync } = require('node:fs')
      exports.handler = async (name) => statSync(name).mtimeMs / 1000`
    const entries = [['index.js', Buffer.from(index)] as const, ['a.txt', Buffer.from('a')] as const]
    const packed = await packCode(codeFiles(entries, new Map([['a.txt', 1_700_000_000]])))
    const runtime = await RuntimeProcess.start()
    const { files: _files, ...body } = runtime.body({ packed: packed.toString('base64') })
    expect((await runtime.specializeRaw(JSON.stringify(body))).status).toBe(200)
    expect((await runtime.invoke('a.txt')).text).toBe('1700000000')
    expect(Number((await runtime.invoke('index.js')).text)).toBeGreaterThan(1_700_000_000)
    const dated = await RuntimeProcess.start()
    const { files: _none, ...whole } = dated.body({ packed: packed.toString('base64'), modifiedAt: 1_600_000_000.5 })
    expect((await dated.specializeRaw(JSON.stringify(whole))).status).toBe(200)
    expect((await dated.invoke('a.txt')).text).toBe('1700000000')
    expect((await dated.invoke('index.js')).text).toBe('1600000000.5')
  })

  test('lets user code run the programs among its files, and no others', async () => {
    const index = `const { execFileSync } = require('node:child_process')
      exports.handler = async (name) => { try { return execFileSync('./' + name).toString() } catch ({ code }) { return code } }`
    const packed = await packCode(
      codeFiles([
        ['index.js', Buffer.from(index)],
        ['bin/script.sh', Buffer.from('#!/bin/sh\necho script')],
        ['bin/mixed', Buffer.from('#!/bin/sh\necho mixed; exit\n\xff', 'latin1')],
        ['bin/program', readFileSync(realpathSync('/bin/true'))],
        ['notes.txt', Buffer.from('echo no')],
      ]),
    )
    const runtime = await RuntimeProcess.start()
    const { files: _files, ...body } = runtime.body({ packed: packed.toString('base64') })
    expect((await runtime.specializeRaw(JSON.stringify(body))).status).toBe(200)
    const run = async (name: string) => JSON.parse((await runtime.invoke(name)).text) as string
    expect(await run('bin/script.sh')).toBe('script\n')
    expect(await run('bin/mixed')).toBe('mixed\n')
    expect(await run('bin/program')).toBe('')
    expect(await run('notes.txt')).toBe('EACCES')
  })
})

describe('strangers at the control port', () => {
  /** Sends a head, and so many bytes of its body; resolves with what comes back, '' when the connection is cut. */
  async function stranger(port: number, headers: string, bytes: number) {
    const socket = connect({ host: '127.0.0.1', port })
    socket.write(`POST /specialize HTTP/1.1\r\nhost: a\r\n${headers}content-length: 23000000\r\n\r\n`)
    const over = new Promise<string>((resolve) => {
      let text = ''
      socket.on('data', (chunk) => (text += chunk.toString()))
      socket.on('error', () => resolve(text))
      socket.on('close', () => resolve(text))
    })
    if (bytes > 0) await new Promise((resolve) => socket.write(Buffer.alloc(bytes), resolve))
    return { socket, over }
  }

  test('that do not even sign are refused before a byte of their body is read', async () => {
    const runtime = await RuntimeProcess.start()
    const { over } = await stranger(runtime.controlPort, '', 0)
    expect(await over).toMatch(/^HTTP\/1\.1 403 /)
    expect(await runtime.health()).toEqual({ state: 'generic' })
  })

  test('that send much and never end fill no memory, and keep no controller away', async () => {
    const runtime = await RuntimeProcess.start()
    const signature = `dormouse-signature: ${Buffer.alloc(64, 1).toString('base64')}\r\n`
    const strangers = await Promise.all([1, 2, 3, 4].map(() => stranger(runtime.controlPort, signature, 20_000_000)))
    const cut = await Promise.race(strangers.map(({ over }) => over))
    expect(cut).toBe('')
    expect((await runtime.specialize({ files: FILES })).status).toBe(200)
    const isOpen = () => strangers.filter(({ socket }) => !socket.closed).length
    await eventually('most of them to be cut', () => isOpen() <= 1)
    for (const { socket } of strangers) socket.destroy()
  })
})
