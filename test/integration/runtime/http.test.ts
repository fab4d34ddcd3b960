import { afterEach, describe, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { fileURLToPath } from 'node:url'
import { eventually } from '../../builders/eventually.ts'
import { endRuntimes, RuntimeProcess, type StartOptions } from '../../builders/runtime-process.ts'

afterEach(endRuntimes)

const http = (code: string, more = {}, options: StartOptions = {}) =>
  RuntimeProcess.with({ files: { 'index.mjs': code }, signature: 'http', concurrency: 80, ...more }, options)

const open = (runtime: RuntimeProcess, headers = {}) =>
  request({
    host: '127.0.0.1',
    port: runtime.dataPort,
    method: 'POST',
    agent: false,
    headers: runtime.callHeaders({ headers }),
  })

describe('an http function', () => {
  test('gets the request as it came, without dormouse-* headers, and writes the answer', async () => {
    const runtime = await http(`export const handler = (req, res) => {
      let body = ''
      req.on('data', (c) => { body += c }).on('end', () => {
        res.writeHead(201, { 'x-own': 'yes', 'set-cookie': ['a=1', 'b=2'] })
        res.end(JSON.stringify({ method: req.method, url: req.url, body, headers: req.headers, raw: req.rawHeaders, distinct: req.headersDistinct }))
      })
    }`)
    const answer = await runtime.call({
      method: 'PUT',
      path: '/a%20b?c=d',
      body: 'hi',
      headers: { 'X-A': 'b', traceparent: 't' },
    })
    expect(answer).toMatchObject({
      status: 201,
      informational: [102],
      headers: { 'x-own': 'yes', 'set-cookie': ['a=1', 'b=2'] },
    })
    const seen = JSON.parse(answer.text) as { headers: object; raw: string[]; distinct: object }
    expect(seen).toMatchObject({
      method: 'PUT',
      url: '/a%20b?c=d',
      body: 'hi',
      headers: { 'x-a': 'b', traceparent: 't' },
    })
    expect(JSON.stringify(seen).toLowerCase()).not.toContain('dormouse-')
    expect(seen.raw).toContain('X-A')
  })

  test('prints no platform lines, and its own with its request id, from listeners too', async () => {
    const runtime = await http(`export const handler = (req, res) => {
      console.log('start')
      req.on('data', () => {}).on('end', () => { console.log('end'); res.end() })
      res.on('close', () => console.log('close'))
    }`)
    await Promise.all([1, 2, 3].map((n) => runtime.call({ body: 'x'.repeat(n * 100_000), requestId: `r-${n}` })))
    await eventually('nine lines', () => runtime.stdout.split('\n').length > 9)
    const lines = runtime.stdout.trim().split('\n')
    expect(lines).toHaveLength(9)
    for (const n of [1, 2, 3]) {
      const own = lines.filter((line) => line.includes(`\tr-${n}\t`)).map((line) => line.split('\t')[3])
      expect(own).toEqual(['start', 'end', 'close'])
    }
  })

  test.each([
    ['throws', `() => { throw new TypeError('boom') }`],
    ['rejects', `async () => { throw new TypeError('boom') }`],
    [
      'rejects after setting headers',
      `async (req, res) => { res.setHeader('content-length', '3'); throw new TypeError('boom') }`,
    ],
  ])('that %s is answered 500 handled', async (_how, code) => {
    const runtime = await http(`export const handler = ${code}`)
    const answer = await runtime.call()
    expect(answer).toMatchObject({ status: 500, headers: { 'dormouse-error': 'handled' } })
    expect(JSON.parse(answer.text)).toMatchObject({ errorType: 'TypeError', errorMessage: 'boom' })
    await runtime.printed('Invoke Error')
    expect((await runtime.call()).status).toBe(500)
  })

  test('that fails in the middle of its answer never ends it cleanly', async () => {
    const runtime = await http(
      `export const handler = async (req, res) => { res.write('half'); await new Promise((r) => setTimeout(r, 30)); throw new Error('x') }`,
    )
    await expect(runtime.call()).rejects.toThrow(/aborted|hang up|ECONNRESET/)
  })

  test('streams both ways', async () => {
    const runtime = await http(`export const handler = (req, res) => { res.flushHeaders(); req.pipe(res) }`)
    const call = open(runtime)
    call.write('one')
    const [response] = (await once(call, 'response')) as [IncomingMessage]
    response.setEncoding('utf8')
    expect(await once(response, 'data')).toEqual(['one'])
    call.write('two')
    expect(await once(response, 'data')).toEqual(['two'])
    call.end()
    await once(response, 'end')
  })

  test('sends trailers, answers HEAD without a body, serves server-sent events', async () => {
    const runtime = await http(`export const handler = (req, res) => {
      if (req.url === '/sse') { res.writeHead(200, { 'content-type': 'text/event-stream' }); res.write('data: 1\\n\\n'); setTimeout(() => res.end('data: 2\\n\\n'), 20) }
      else if (req.method === 'HEAD') { res.setHeader('content-length', 5); res.end() }
      else { res.writeHead(200, { trailer: 'x-sum' }); res.write('a'); res.addTrailers({ 'x-sum': '42' }); res.end() }
    }`)
    expect((await runtime.call()).trailers).toEqual({ 'x-sum': '42' })
    expect(await runtime.call({ method: 'HEAD' })).toMatchObject({
      status: 200,
      text: '',
      headers: { 'content-length': '5' },
    })
    expect((await runtime.call({ method: 'GET', path: '/sse' })).text).toBe('data: 1\n\ndata: 2\n\n')
  })

  test('hears of a caller that goes away, and its slot is free', async () => {
    const runtime = await http(
      `export const handler = (req, res) => { if (req.url === '/quick') return res.end(); console.log('in'); res.on('close', () => console.log('gone')) }`,
      { concurrency: 1 },
    )
    const call = open(runtime)
    call.on('error', () => undefined)
    call.end()
    await runtime.printed('\tin')
    call.destroy()
    await runtime.printed('\tgone')
    expect((await runtime.call({ path: '/quick' })).status).toBe(200)
  })

  test('past its deadline is answered 500 timeout, and others live on in the same process', async () => {
    const runtime = await http(
      `export const handler = (req, res) => { if (req.url === '/ok') res.end('ok'); else if (req.url === '/half') res.write('h') }`,
    )
    expect(await runtime.call({ deadlineMs: 500 })).toMatchObject({
      status: 500,
      headers: { 'dormouse-error': 'timeout' },
    })
    await expect(runtime.call({ deadlineMs: 500, path: '/half' })).rejects.toThrow(/aborted|hang up|ECONNRESET/)
    expect((await runtime.call({ path: '/ok' })).text).toBe('ok')
  })

  test('may be an http.Server that never listens', async () => {
    const runtime = await http(
      `import http from 'node:http'; export const handler = http.createServer((req, res) => res.end('served'))`,
    )
    expect((await runtime.call()).text).toBe('served')
  })

  test('may be an Express application, exported as module.exports.handler', async () => {
    const express = fileURLToPath(import.meta.resolve('express'))
    const runtime = await RuntimeProcess.with({
      signature: 'http',
      files: {
        'index.js': `const app = require(${JSON.stringify(express)})()
          app.get('/hi/:who', (req, res) => res.json({ who: req.params.who }))
          exports.handler = app`,
      },
    })
    expect(await runtime.call({ method: 'GET', path: '/hi/you' })).toMatchObject({ status: 200, text: '{"who":"you"}' })
    expect(await runtime.call({ method: 'GET', path: '/nope' })).toMatchObject({ status: 404 })
  })

  test('that ends the process answers who waits, and cuts who was half answered', async () => {
    const runtime = await http(
      `export const handler = (req, res) => { if (req.url === '/half') res.write('h'); else if (req.url === '/exit') process.exit(1) }`,
    )
    const half = open(runtime, {})
    half.path = '/half'
    half.end()
    const [response] = (await once(half, 'response')) as [IncomingMessage]
    response.resume()
    const cut = once(response, 'error')
    const answer = await runtime.call({ path: '/exit' })
    expect(answer).toMatchObject({ status: 500, headers: { 'dormouse-error': 'unhandled' } })
    await cut
    expect((await runtime.exited).code).toBe(1)
  })
})
