/**
 * Clients of all kinds, good and bad, for storms: each does one thing to a gateway and says what came of it, `''` for what is right. What
 * they do at random they ask a seeded generator.
 */
import { request, Agent, type IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { RawClient } from '../../fakes/raw-client.ts'
import { exchange } from '../../builders/runtime-process.ts'

/** From 0 to 1; the same for the same seed. */
export type Random = () => number

/** Mulberry32, as published by its author into the public domain. */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export interface StormSite {
  /** Of the internal listener. */
  port: number
  publicPort: number
  random: Random
}

/** What is wrong with what came; `''` = nothing. */
export type StormClient = (site: StormSite) => Promise<string>

/** Longest wait for an answer: longer than any that is right, also on a slow machine. */
const PATIENCE_MS = 60_000

export const STORM_FUNCTIONS = {
  /** `http`: does what its path says. */
  web: `const http = require('node:http')
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
    const does = {
      echo: (req, res) => req.pipe(res),
      ok: (req, res) => res.end('fine'),
      early: (req, res) => res.end('early'),
      refuse: (req, res) => res.writeHead(413, { 'content-length': 4 }).end('much'),
      async slow(req, res) { for await (const _ of req) await pause(20); res.end('slow') },
      async stream(req, res) {
        for (let n = 0; n < 40; n++) if (!res.write('s'.repeat(16384))) await new Promise((go) => res.once('drain', go).once('close', go))
        res.end()
      },
      sse(req, res) {
        res.writeHead(200, { 'content-type': 'text/event-stream' })
        const tick = setInterval(() => res.write('data: tick\\n\\n'), 10)
        res.on('close', () => clearInterval(tick))
      },
      broken(req, res) { res.writeHead(200, { 'content-length': 1000 }); res.write('half'); setTimeout(() => res.destroy(), 5) },
      trailers(req, res) { res.writeHead(200, { trailer: 'x-sum' }); res.write('a'); res.addTrailers({ 'x-sum': '1' }); res.end() },
    }
    exports.handler = (req, res) => does[req.url.slice(1).split('?')[0]](req, res)
    exports.upgrade = (req, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\\r\\nconnection: upgrade\\r\\nupgrade: echo\\r\\n\\r\\n')
      socket.on('error', () => socket.destroy())
      socket.pipe(socket)
    }`,
  work: `exports.handler = async ({ ms = 0, fail, text }) => {
      await new Promise((resolve) => setTimeout(resolve, ms))
      if (fail) throw new Error('as asked')
      return { text }
    }`,
  /** Behind an http Trigger at `/api`. */
  api: `exports.handler = async ({ body = '', rawPath }) => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      return { statusCode: 201, body: rawPath + ' ' + body.length }
    }`,
  /** Ends with its process when asked to, and with it whoever else is served there. */
  fragile: `exports.handler = async ({ crash }) => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      if (crash) process.exit(1)
      return 'well'
    }`,
  /** Never answers. */
  hangs: `exports.handler = () => new Promise(() => setInterval(() => {}, 1000))`,
} as const

const HOST = 'host: storm'
const fn = (name: string, rest = '') => `/fn/default/${name}${rest}`
const sizeIn = ({ random }: StormSite, most: number) => 1 + Math.floor(random() * most)

async function expectAnswer(raw: RawClient, pattern: RegExp): Promise<string> {
  try {
    await raw.expect(pattern, PATIENCE_MS)
    return ''
  } catch (error) {
    return `${String(error).slice(0, 300)} (${raw.failed?.message ?? 'no error'})`
  }
}

/** Opens a bare connection and always closes it. */
function bare(talk: (raw: RawClient, site: StormSite) => Promise<string>): StormClient {
  return async (site) => {
    const raw = await RawClient.open(site.port)
    try {
      return await talk(raw, site)
    } finally {
      raw.close()
    }
  }
}

const plain =
  (method: string, path: string): StormClient =>
  async ({ port }) => {
    const { status, text } = await exchange(port, { method, path: fn('web', path) })
    return status === 200 && text === (method === 'HEAD' ? '' : 'fine') ? '' : `${method} ${status} ${text}`
  }

const posted: StormClient = async (site) => {
  const body = 'b'.repeat(sizeIn(site, 400_000))
  const { status, text } = await exchange(site.port, { method: 'POST', path: fn('web', '/echo'), body })
  return status === 200 && text === body ? '' : `POST ${status} with ${text.length} of ${body.length} bytes`
}

const chunked = bare(async (raw, site) => {
  raw.send(`POST ${fn('web', '/echo')} HTTP/1.1\r\n${HOST}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n`)
  for (let part = 0; part < 4; part++) {
    raw.send(`5\r\npart${part}\r\n`)
    await delay(sizeIn(site, 20))
  }
  raw.send('0\r\n\r\n')
  return expectAnswer(raw, /^HTTP\/1\.1 200 [^]*part0[^]*part3[^]*0\r\n\r\n$/)
})

const expecting = bare(async (raw) => {
  raw.send(
    `POST ${fn('web', '/echo')} HTTP/1.1\r\n${HOST}\r\ncontent-length: 5\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n`,
  )
  const refused = await expectAnswer(raw, /^HTTP\/1\.1 100 /)
  if (refused !== '') return refused
  raw.send('hello')
  return expectAnswer(raw, /HTTP\/1\.1 200 [^]*hello/)
})

/** Goes away at some time between its first byte and its answer. */
const aborted = bare(async (raw, site) => {
  const { random } = site
  const [path, length] = random() < 0.5 ? ['/stream', 0] : ['/slow', 100_000]
  raw.send(`POST ${fn('web', path)} HTTP/1.1\r\n${HOST}\r\ncontent-length: ${length}\r\n\r\n`)
  if (length > 0) raw.send('a'.repeat(Math.floor(random() * length)))
  await delay(random() * 60)
  if (random() < 0.5) raw.socket.resetAndDestroy()
  return ''
})

const readsSlowly: StormClient = ({ port, random }) =>
  new Promise((resolve, reject) => {
    const read = async (answer: IncomingMessage) => {
      let size = 0
      for await (const chunk of answer) {
        size += (chunk as Buffer).length
        if (random() < 0.3) await delay(10)
      }
      resolve(size === 40 * 16_384 ? '' : `a slow reader got ${size} bytes`)
    }
    request({ port, path: fn('web', '/stream'), agent: false }, (answer) => {
      read(answer).catch(reject)
    })
      .on('error', reject)
      .end()
  })

const writesSlowly = bare(async (raw) => {
  raw.send(`POST ${fn('web', '/echo')} HTTP/1.1\r\n${HOST}\r\ncontent-length: 10\r\nconnection: close\r\n\r\n`)
  for (let byte = 0; byte < 10; byte++) {
    raw.send(String(byte))
    await delay(15)
  }
  return expectAnswer(raw, /^HTTP\/1\.1 200 [^]*0123456789/)
})

/** The function answers before it has the body, which never ends. */
const answered = (path: string, answer: RegExp) =>
  bare(async (raw, site) => {
    const framing = site.random() < 0.5 ? 'content-length: 9000000' : 'transfer-encoding: chunked'
    raw.send(`POST ${fn('web', path)} HTTP/1.1\r\n${HOST}\r\n${framing}\r\n\r\n`)
    raw.send(framing.startsWith('t') ? `4000\r\n${'c'.repeat(0x4000)}\r\n` : 'c'.repeat(0x4000))
    return expectAnswer(raw, answer)
  })

/** Of the gateway, while the body is still to come. */
const refused = (path: string, answer: RegExp) =>
  bare(async (raw) => {
    raw.send(`POST ${path} HTTP/1.1\r\n${HOST}\r\ncontent-length: 8000000\r\n\r\n${'d'.repeat(1000)}`)
    return expectAnswer(raw, answer)
  })

const halfClosed = bare(async (raw) => {
  raw.send(`GET ${fn('web', '/ok')} HTTP/1.1\r\n${HOST}\r\n\r\n`)
  raw.socket.end()
  await raw.untilClosed(PATIENCE_MS)
  return raw.received === '' || raw.received.includes('fine') ? '' : `half-closed: ${raw.received}`
})

const upgraded = bare(async (raw, { random }) => {
  raw.send(`GET ${fn('web', '/chat')} HTTP/1.1\r\n${HOST}\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n`)
  const wrong = await expectAnswer(raw, /^HTTP\/1\.1 101 /)
  if (wrong !== '') return wrong
  raw.send('ping-pong')
  const silent = await expectAnswer(raw, /ping-pong$/)
  if (silent !== '') return silent
  if (random() < 0.3) raw.socket.resetAndDestroy()
  else if (random() < 0.5) raw.socket.end()
  else return ''
  await raw.untilClosed(PATIENCE_MS)
  return ''
})

const upgradeRefused = bare((raw) => {
  raw.send(`GET ${fn('work')} HTTP/1.1\r\n${HOST}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`)
  return expectAnswer(raw, /^HTTP\/1\.1 400 [^]*upgrade-not-supported/)
})

const listens = bare(async (raw) => {
  raw.send(`GET ${fn('web', '/sse')} HTTP/1.1\r\n${HOST}\r\n\r\n`)
  return expectAnswer(raw, /data: tick[^]*data: tick/)
})

const GARBAGE = [
  'nonsense\r\n\r\n',
  'GET / HTTP/9.9\r\n\r\n',
  '\x16\x03\x01\x02\x00\x01\x00\x01',
  'GET /\0 HTTP/1.1\r\n\r\n',
]
const garbage = bare((raw, { random }) => {
  raw.send(GARBAGE[Math.floor(random() * GARBAGE.length)] ?? '')
  return expectAnswer(raw, /^HTTP\/1\.1 400 [^]*bad-request/)
})

const brokenBody = bare((raw) => {
  raw.send(`POST ${fn('web', '/slow')} HTTP/1.1\r\n${HOST}\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n`)
  return expectAnswer(raw, /^HTTP\/1\.1 400 [^]*bad-request/)
})

const pipelined = bare((raw) => {
  const one = (path: string, last = '') => `GET ${fn('web', path)} HTTP/1.1\r\n${HOST}\r\n${last}\r\n`
  raw.send(one('/ok') + one('/trailers?') + one('/ok') + one('/ok', 'connection: close\r\n'))
  return expectAnswer(raw, /^(HTTP\/1\.1 200 [^]*){4}fine$/)
})

/** One connection, one request after the other. */
const kept: StormClient = async ({ port }) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const once = () =>
    new Promise<string>((resolve, reject) => {
      request({ port, agent, path: fn('web', '/ok') }, (answer) => {
        let text = ''
        answer.on('data', (chunk: Buffer) => (text += chunk.toString()))
        answer.on('end', () => resolve(text)).on('error', reject)
      })
        .on('error', reject)
        .end()
    })
  try {
    for (let call = 0; call < 4; call++) if ((await once()) !== 'fine') return 'not fine'
    return ''
  } finally {
    agent.destroy()
  }
}

const breaksOff = bare(async (raw) => {
  raw.send(`GET ${fn('web', '/broken')} HTTP/1.1\r\n${HOST}\r\n\r\n`)
  await raw.untilClosed(PATIENCE_MS)
  return /^HTTP\/1\.1 (200 [^]*half|502 )/.test(raw.received) ? '' : `broken: ${raw.received}`
})

/** Of an `event` function: what it sends, and which answers are right. */
const called =
  (name: string, event: object, answers: RegExp): StormClient =>
  async ({ port }) => {
    const { status, text, headers } = await exchange(port, {
      method: 'POST',
      path: fn(name),
      body: JSON.stringify(event),
    })
    const answer = `${status} ${String(headers['dormouse-error'] ?? '')} ${text}`
    return answers.test(answer) ? '' : `${name}: ${answer}`
  }

const leavesWhileCalled: StormClient = ({ port, random }) =>
  new Promise((resolve) => {
    const call = request({ port, method: 'POST', path: fn('work'), agent: false })
    call.on('error', () => resolve('')).on('response', (answer) => answer.resume().on('end', () => resolve('')))
    call.end('{"ms":50}')
    setTimeout(() => call.destroy(), random() * 80)
  })

const laterOn: StormClient = async ({ port }) => {
  const headers = { 'dormouse-invocation-type': 'event' }
  const { status, text } = await exchange(port, { method: 'POST', path: fn('work'), body: '{"text":"later"}', headers })
  return status === 202 ? '' : `async ${status} ${text}`
}

const byTrigger: StormClient = async (site) => {
  const body = 'e'.repeat(sizeIn(site, 100_000))
  const headers = { 'content-type': 'text/plain' }
  const { status, text } = await exchange(site.publicPort, { method: 'POST', path: '/api/x', body, headers })
  return status === 201 && text === `/api/x ${body.length}` ? '' : `api ${status} ${text}`
}

/** Goes away while its body is held for an API Gateway event, or while that is called. */
const leavesTrigger: StormClient = async ({ publicPort, random }) => {
  const raw = await RawClient.open(publicPort)
  const sent = Math.floor(random() * 40_000)
  raw.send(`POST /api/y HTTP/1.1\r\n${HOST}\r\ncontent-length: 20000\r\n\r\n${'f'.repeat(Math.min(sent, 20_000))}`)
  await delay(random() * 30)
  raw.close()
  return ''
}

export const STORM_CLIENTS: Record<string, StormClient> = {
  get: plain('GET', '/ok'),
  head: plain('HEAD', '/ok'),
  posted,
  chunked,
  expecting,
  aborted,
  readsSlowly,
  writesSlowly,
  answeredEarly: answered('/early', /^HTTP\/1\.1 200 [^]*early/),
  refusedByFunction: answered('/refuse', /^HTTP\/1\.1 413 [^]*much/),
  tooLarge: refused(fn('work'), /^HTTP\/1\.1 413 [^]*payload-too-large/),
  unknown: refused(fn('nobody'), /^HTTP\/1\.1 404 [^]*unknown-function/),
  halfClosed,
  upgraded,
  upgradeRefused,
  listens,
  garbage,
  brokenBody,
  pipelined,
  kept,
  breaksOff,
  event: called('work', { ms: 3, text: 'x' }, /^200 {2}\{"text":"x"\}$/),
  fails: called('work', { fail: true }, /^500 handled .*as asked/),
  crashes: called('fragile', { crash: true }, /^(500 unhandled|50[23]) /),
  besideCrashes: called('fragile', {}, /^(200 {2}"well"|500 unhandled .*|50[23] .*)$/),
  hangs: called('hangs', {}, /^50[04] .*(timed out|deadline-exceeded)/),
  leavesWhileCalled,
  laterOn,
  byTrigger,
  leavesTrigger,
}
