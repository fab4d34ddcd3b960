/** Who may speak to the operators' listener through a browser. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { request, type Server } from 'node:http'
import { createManagementServer } from '../../../lib/management-server.ts'
import { closeServer, listen } from '../../../lib/listen.ts'
import { createMetrics } from '../../../lib/metrics.ts'

let server: Server
let port: number
let calls: unknown[]
beforeEach(async () => {
  calls = []
  const move = {
    method: 'post',
    path: '/move',
    handle: ({ body }: { body: unknown }) => (calls.push(body), { json: 1 }),
  } as const
  server = createManagementServer({ metrics: createMetrics(), notReady: () => undefined, routes: [move] })
  port = await listen(server, { host: '127.0.0.1', port: 0, purpose: 'management' })
})
afterEach(() => closeServer(server))

function ask(method: string, path: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, method, path, headers }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
    })
    sent.on('error', reject).end()
  })
}

test.each([
  ['a page of another site', { origin: 'https://evil.example' }],
  ['a page without an origin of its own', { origin: 'null' }],
  ['a page whose browser says so', { 'sec-fetch-site': 'cross-site' }],
])('%s can make nothing happen', async (_, headers) => {
  expect([await ask('POST', '/move', { ...headers, 'content-type': 'text/plain' }), calls]).toEqual([403, []])
})

test('commands, and pages of this listener, can', async () => {
  const own = `http://127.0.0.1:${port}`
  expect(await ask('POST', '/move', {})).toBe(200)
  expect(await ask('POST', '/move', { origin: own, 'sec-fetch-site': 'same-origin' })).toBe(200)
  expect(await ask('GET', '/healthz', { origin: 'https://grafana.example', 'sec-fetch-site': 'cross-site' })).toBe(200)
  expect(calls).toHaveLength(2)
})
