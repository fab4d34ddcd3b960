/** Answers of pods that break HTTP's rules: clients, which are strict in different ways, must be able to read what they get. */
import { afterEach, expect, test } from '@jest/globals'
import { until } from '../../builders/eventually.ts'
import { GatewayWorld } from '../../fakes/gateway-world.ts'
import { RawClient } from '../../fakes/raw-client.ts'
import { RawPod, type RawAnswer } from '../../fakes/raw-pod.ts'

let world: GatewayWorld
let pod: RawPod
afterEach(async () => {
  await world.stop()
  await pod.stop()
})

const ACCEPTED = 'HTTP/1.1 102 Processing\r\n\r\n'
const lane = () => world.gateway.router.lane('default/hello')!

async function open(answer: RawAnswer | string): Promise<void> {
  world = await GatewayWorld.start()
  pod = await RawPod.start(typeof answer === 'string' ? (socket) => void socket.write(ACCEPTED + answer) : answer)
  world.controller.addEndpoints(pod.endpoint)
  await until(() => lane().podCount === 1)
}

/** All that comes until the connection ends, for one request. */
async function ask({ internal = false } = {}): Promise<string> {
  const client = await RawClient.open(internal ? world.ports.internalPort : world.ports.publicPort)
  client.send(`GET ${internal ? '/fn/default/hello' : '/'} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
  await client.untilClosed()
  await until(() => lane().inFlight === 0)
  client.close()
  return client.received
}

test('an answer without content has no length, which strict clients refuse', async () => {
  await open('HTTP/1.1 204 No Content\r\nContent-Length: 5\r\nETag: "x"\r\n\r\n')
  const received = await ask()
  expect(received).toMatch(/^HTTP\/1.1 204 [^]*etag: "x"/i)
  expect(received).not.toMatch(/content-length/i)
})

test('trailers obey the same rules as headers', async () => {
  await open(
    'HTTP/1.1 200 OK\r\nTrailer: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nX-Sum: 2\r\n' +
      'Connection: keep-alive\r\nTransfer-Encoding: chunked\r\nDormouse-Request-Id: made-up\r\nDormouse-Key: secret\r\n' +
      'Dormouse-Report: billed=1\r\n\r\n',
  )
  const trailersOf = (received: string) => received.split('\r\n0\r\n')[1]
  expect(trailersOf(await ask())).toBe('x-sum: 1\r\nx-sum: 2\r\n\r\n')
  expect(trailersOf(await ask({ internal: true }))).toBe('x-sum: 1\r\nx-sum: 2\r\ndormouse-report: billed=1\r\n\r\n')
})

test.each([
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk'],
  [
    'a length and chunks',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  ],
  ['a status that there is not', 'HTTP/1.1 099 x\r\nContent-Length: 2\r\n\r\nok'],
  ['a coding that nobody undoes', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
  ['no end that could be found', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
])('an answer with %s is a bad one, not the end of its pod', async (_what, answer) => {
  await open(answer)
  const received = await ask()
  expect(received).toMatch(/^HTTP\/1.1 502 [^]*"code":"bad-answer"/)
  expect(received).not.toMatch(/assert|falsy/)
  await until(() => pod.connections === 0)
  expect(pod.requests).toBe(1)
})

test.each(['end', 'resetAndDestroy'] as const)(
  'at whichever byte a pod stops (%s), the client gets all of the answer, a problem, or a cut connection',
  async (stop) => {
    const answer = `${ACCEPTED}HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`
    let bytes = -1
    await open((socket) => {
      if (bytes < 0) return void socket.write(answer)
      const part = answer.slice(0, bytes)
      bytes = -1
      socket.write(part)
      setTimeout(() => socket[stop](), 2)
    })
    const came: string[] = []
    for (let stopAt = 1; stopAt <= answer.length; stopAt++) {
      bytes = stopAt
      const received = await ask()
      const isWhole = /abc[^]*de\r\n0\r\n\r\n$/.test(received)
      const isProblem = /^HTTP\/1.1 502 [^]*"code":"pod-died"[^]*}$/.test(received)
      came.push(isWhole ? 'whole' : isProblem ? 'problem' : received.includes('0\r\n\r\n') ? received : 'cut')
    }
    const [head, body] = [answer.indexOf('3\r\nabc'), answer.length]
    const want = (at: number) => (at < ACCEPTED.length || at === body ? 'whole' : at < head ? 'problem' : 'cut')
    expect(came).toEqual(came.map((_, i) => want(i + 1)))
    await until(() => pod.connections <= 1)
  },
)

test.each([
  ['ended', 'whole', /\r\n3\r\nhel\r\n0\r\n\r\n$/],
  ['resetAndDestroy', 'cut short', /\r\n3\r\nhel\r\n$/],
] as const)('an answer without a length whose connection is %s is %s', async (how, _, received) => {
  await open((socket) => {
    socket.write(`${ACCEPTED}HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhel`)
    setTimeout(() => (how === 'ended' ? socket.end() : socket.resetAndDestroy()), 50)
  })
  expect(await ask()).toMatch(received)
})
