import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createWorkspace, type Ran } from '../../builders/dormouse-command.ts'

jest.setTimeout(180_000)

let workspace: ReturnType<typeof createWorkspace>
let server: Server
let answer: RequestListener
beforeAll(async () => {
  server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  workspace = createWorkspace({ config: kubeconfig(`http://127.0.0.1:${port}`) })
})
afterAll(async () => {
  await workspace.end()
  server.closeAllConnections()
  server.close()
})

const kubeconfig = (address: string) => `apiVersion: v1
kind: Config
clusters: [{ name: other, cluster: { server: "${address}" } }]
contexts: [{ name: other, context: { cluster: other, user: me } }]
current-context: other
users: [{ name: me, user: {} }]
`

test.each([['get fn hello'], ['describe fn hello'], ['invoke hello'], ['logs hello'], ['delete fn hello']])(
  '%s in a cluster without Dormouse exits 5 and says so',
  async (words) => {
    answer = (_, response) => void response.writeHead(404).end('404 page not found\n')
    expect(await workspace.run(...words.split(' '), '--kubeconfig', 'config')).toEqual({
      code: 5,
      stdout: '',
      stderr: expect.stringMatching(/^dormouse: Dormouse is not installed in context other of /),
    })
  },
)

test.each([
  [502, 'it answered 502'],
  [200, 'it answered 200 without one'],
])('doctor and status name the status of a page in place of an API server: %s', async (status, sentence) => {
  answer = (_, response) => void response.writeHead(status, { 'content-type': 'text/html' }).end('<html>')
  for (const command of ['status', 'doctor'])
    expect(await workspace.run(command, '--kubeconfig', 'config')).toMatchObject({
      code: 5,
      stderr: expect.stringContaining(`the version of the API server cannot be seen: ${sentence}\n`),
    })
})

describe('asked side by side, since each takes its ten seconds', () => {
  const ended = new Map<string, Promise<{ ran: Ran; tookMs: number }>>()
  beforeAll(() => {
    // Since one of them asked: how long processes take to start is the machine's.
    let askedMs = Infinity
    answer = () => void (askedMs = Math.min(askedMs, performance.now()))
    const run = async (command: string) => {
      const ran = await workspace.run(command, '--kubeconfig', 'config')
      return { ran, tookMs: performance.now() - askedMs }
    }
    for (const command of ['status', 'doctor']) ended.set(command, run(command))
  })

  test.each([['status'], ['doctor']])(
    '%s of an API server that says nothing ends after ten seconds, and says so',
    async (command) => {
      const { ran, tookMs } = (await ended.get(command)) ?? {}
      expect(ran).toEqual({
        code: 5,
        stdout: '',
        stderr: expect.stringMatching(
          /^dormouse: context other of .*: the version of the API server cannot be seen: no answer within 10 s\n$/,
        ),
      })
      expect(tookMs).toBeLessThan(20_000)
    },
  )
})
