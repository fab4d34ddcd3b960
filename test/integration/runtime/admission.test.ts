import { afterEach, describe, expect, test } from '@jest/globals'
import { connect } from 'node:net'
import { eventually } from '../../builders/eventually.ts'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

afterEach(endRuntimes)

const SLOW = {
  'index.mjs': `export const handler = async (e) => { await new Promise((r) => setTimeout(r, e.ms ?? 200)); return 'done' }`,
}

describe('the data port', () => {
  test.each([
    ['no key', {}],
    ['another key of the same length', { 'dormouse-key': '0'.repeat(36) }],
    ['a shorter key', { 'dormouse-key': 'x' }],
  ])('answers 403 to %s and executes nothing', async (_what, headers) => {
    const runtime = await RuntimeProcess.with({ files: SLOW })
    const answer = await runtime.call({ body: '{}', headers: { 'dormouse-key': '', ...headers } })
    expect(answer).toMatchObject({ status: 403, informational: [], headers: { 'dormouse-refused': 'not-specialized' } })
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(runtime.stdout).toBe('')
  })

  test('refuses more than its concurrency as busy, before executing', async () => {
    const runtime = await RuntimeProcess.with({ files: SLOW, concurrency: 2 })
    const answers = await Promise.all(Array.from({ length: 5 }, () => runtime.invoke({ ms: 1_500 })))
    const busy = answers.filter(({ status }) => status === 503)
    expect(busy).toHaveLength(3)
    for (const answer of busy) {
      expect(answer).toMatchObject({ headers: { 'dormouse-refused': 'busy' }, informational: [] })
    }
    await eventually('two are told', () => (runtime.stdout.match(/^END/gm) ?? []).length >= 2)
    expect(runtime.stdout.match(/^START/gm)).toHaveLength(2)
  })

  test('has its slot back the moment an answer arrived', async () => {
    const runtime = await RuntimeProcess.with({ files: SLOW })
    for (let i = 0; i < 50; i++) expect((await runtime.invoke({ ms: 0 })).status).toBe(200)
  })

  test('keeps the slot of a caller that went away until the handler ends', async () => {
    const runtime = await RuntimeProcess.with({ files: SLOW })
    const socket = connect(runtime.dataPort, '127.0.0.1')
    const head = Object.entries(runtime.callHeaders()).map(([name, value]) => `${name}: ${String(value)}`)
    socket.write(`POST / HTTP/1.1\r\nhost: x\r\n${head.join('\r\n')}\r\ncontent-length: 11\r\n\r\n{"ms":2000}`)
    await new Promise((resolve) => socket.once('data', resolve))
    socket.destroy()
    expect((await runtime.invoke({})).headers['dormouse-refused']).toBe('busy')
    await runtime.printed('END RequestId: req-1')
    expect((await runtime.invoke({ ms: 0 })).status).toBe(200)
  })

  test('of a caller that went away a callback still ends the invocation, as soon as it comes', async () => {
    const files = {
      'index.mjs': `export const handler = (e, c, cb) => { setTimeout(() => cb(null, 'done'), e.ms ?? 0) }`,
    }
    const runtime = await RuntimeProcess.with({ files })
    const socket = connect(runtime.dataPort, '127.0.0.1')
    const head = Object.entries(runtime.callHeaders()).map(([name, value]) => `${name}: ${String(value)}`)
    socket.write(`POST / HTTP/1.1\r\nhost: x\r\n${head.join('\r\n')}\r\ncontent-length: 10\r\n\r\n{"ms":300}`)
    await new Promise((resolve) => socket.once('data', resolve))
    socket.destroy()
    const said = await runtime.printed('END RequestId: req-1')
    expect(said).not.toContain('timed out')
    expect(await runtime.invoke({})).toMatchObject({ status: 200, text: '"done"' })
  })

  test('writes 102 to the socket before a handler that blocks the loop runs', async () => {
    const code =
      'export const handler = async () => { const t = Date.now(); while (Date.now() - t < 10_000); return 1 }'
    const runtime = await RuntimeProcess.with({ files: { 'index.mjs': code } })
    const socket = connect(runtime.dataPort, '127.0.0.1')
    const head = Object.entries(runtime.callHeaders()).map(([name, value]) => `${name}: ${String(value)}`)
    const sentAt = Date.now()
    socket.write(`POST / HTTP/1.1\r\nhost: x\r\n${head.join('\r\n')}\r\ncontent-length: 0\r\n\r\n`)
    const first = await new Promise<Buffer>((resolve) => socket.once('data', resolve))
    expect(first.toString()).toBe('HTTP/1.1 102 Processing\r\n\r\n')
    expect(Date.now() - sentAt).toBeLessThan(8_000)
    socket.destroy()
  })

  test('takes as large a head as callers may send', async () => {
    const runtime = await RuntimeProcess.with({ files: SLOW })
    const answer = await runtime.invoke({ ms: 0 }, { headers: { 'x-large': 'x'.repeat(20 * 1024) } })
    expect(answer.status).toBe(200)
  })

  test('sends no informational answer to HTTP/1.0', async () => {
    const runtime = await RuntimeProcess.with({ files: SLOW })
    const socket = connect(runtime.dataPort, '127.0.0.1')
    const head = Object.entries(runtime.callHeaders()).map(([name, value]) => `${name}: ${String(value)}`)
    socket.write(`POST / HTTP/1.0\r\n${head.join('\r\n')}\r\n\r\n`)
    const first = await new Promise<Buffer>((resolve) => socket.once('data', resolve))
    expect(first.toString()).toMatch(/^HTTP\/1\.1 200 OK/)
    socket.destroy()
  })
})
