import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createWorkspace } from '../../builders/dormouse-command.ts'

jest.setTimeout(180_000)

let workspace: ReturnType<typeof createWorkspace>
const servers: Server[] = []
beforeAll(() => {
  workspace = createWorkspace()
})
afterAll(async () => {
  await workspace.end()
  servers.forEach((server) => server.close())
})

async function serverOf(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

// As Prometheus does, whose default port is ours, and pages that send all paths to one script.
const OTHERS: [what: string, answer: RequestListener][] = [
  ['404', (_, response) => void response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found\n')],
  ['200', (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')],
  ['500', (_, response) => void response.writeHead(500).end()],
]

test.each(OTHERS)(
  'a server that is no Dormouse and answers %s is none that could be reached',
  async (status, answer) => {
    const address = await serverOf(answer)
    for (const args of [
      ['delete', 'fn', 'hello', '--ignore-not-found'],
      ['logs', 'hello'],
      ['events', 'tail', 'names'],
    ])
      expect(await workspace.run(...args, '--server', address)).toEqual({
        code: 5,
        stdout: '',
        stderr: expect.stringMatching(`^dormouse: ${address}/\\S+ answered ${status}: is that Dormouse's management`),
      })
  },
)

test('an address without a scheme is told as what it is', async () => {
  expect(await workspace.run('get', 'fn', '--server', 'localhost:9090')).toMatchObject({
    code: 2,
    stderr: 'dormouse: --server: expected a URL such as http://127.0.0.1:9090, got "localhost:9090"\n',
  })
})
