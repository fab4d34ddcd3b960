/** A function pod as small as can be: 102, then 200 with a small JSON. Says its port to the parent. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const BODY = JSON.stringify({ hello: 'world', from: 'a function that answers a small JSON document' })
const HEAD = ['content-type', 'application/json', 'content-length', String(BODY.length)]
/** Callers without a key get no 102: nginx takes it for the answer. The bare proxy sends one, so that the pod's part is the same. */
const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
  if (request.headers['dormouse-key'] !== undefined) response.writeProcessing()
  response.writeHead(200, HEAD).end(BODY)
})
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
