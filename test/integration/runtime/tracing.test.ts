import { afterEach, describe, expect, test } from '@jest/globals'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

afterEach(endRuntimes)

/** As error trackers and tracers do it: Node's channel, and `emit` of every server. */
const TRACER = `
  const { Server } = require('node:http')
  const seen = []
  const emitted = []
  const see = ({ headers, rawHeaders, headersDistinct }) => seen.push(JSON.stringify({ headers, rawHeaders, headersDistinct }))
  require('node:diagnostics_channel').subscribe('http.server.request.start', ({ request }) => see(request))
  const { emit } = Server.prototype
  Server.prototype.emit = function (name, ...args) {
    if (name === 'request') {
      see(args[0])
      emitted.push(name)
    }
    return emit.call(this, name, ...args)
  }
`

describe('what user code has for tracing', () => {
  test.each([
    ['http', '(req, res) => res.end(JSON.stringify(seen))'],
    ['event', '() => seen'],
    ['cloudevent', '() => seen'],
  ] as const)('sees requests of a function of signature %s without dormouse-* headers', async (signature, handler) => {
    const runtime = await RuntimeProcess.with({
      files: { 'index.cjs': `${TRACER} exports.handler = ${handler}` },
      signature,
    })
    const answer = await runtime.invoke(null, {
      headers: { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 't', traceparent: 't' },
    })
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.text)).toHaveLength(2)
    expect(answer.text).toContain('traceparent')
    expect(answer.text).not.toContain('dormouse-')
    expect(answer.text).not.toContain(runtime.dataKey)
  })

  test.each([
    ['a function', '(req, res) => res.end(JSON.stringify(emitted))'],
    ['a server', 'require("node:http").createServer((req, res) => res.end(JSON.stringify(emitted)))'],
  ])('counts each request once, be the handler %s', async (_kind, handler) => {
    const runtime = await RuntimeProcess.with({
      files: { 'index.cjs': `${TRACER} exports.handler = ${handler}` },
      signature: 'http',
    })
    expect((await runtime.call()).text).toBe('["request"]')
    expect((await runtime.call()).text).toBe('["request","request"]')
  })
})
