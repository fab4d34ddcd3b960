/**
 * Tells the controller that the pod is up. Tries for a minute, then stays quiet: Kubernetes tells the controller too.
 * HTTP by hand over a socket: loading Node's HTTP client takes longer than the whole exchange, just when the pod is wanted most.
 */
import { connect } from 'node:net'
import { monotonicMs, setTimeout } from './clock.ts'

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 2_000
const ATTEMPT_TIMEOUT_MS = 5_000
const GIVE_UP_AFTER_MS = 60_000
const ACCEPTED = /^HTTP\/1\.1 2\d\d /

export interface PhoneHomeBody {
  namespace: string
  name: string
  uid: string
  address: string
  controlPort: number
  dataPort: number
}

/** `url` is `http:`. `isNeeded` is asked before every attempt: a pod that was found in another way need not call. */
export function phoneHome(home: { url: string; token: string }, body: PhoneHomeBody, isNeeded: () => boolean): void {
  const startedAt = monotonicMs()
  const url = new URL(home.url)
  const message = requestMessage(url, home.token, JSON.stringify(body))
  let pauseMs = FIRST_PAUSE_MS
  const attempt = () => {
    if (!isNeeded()) return
    exchange(url, message, (ok) => {
      if (ok || monotonicMs() - startedAt + pauseMs > GIVE_UP_AFTER_MS) return
      setTimeout(attempt, pauseMs).unref()
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
    })
  }
  attempt()
}

function requestMessage(url: URL, token: string, text: string): string {
  return [
    `POST ${url.pathname}${url.search} HTTP/1.1`,
    `host: ${url.host}`,
    `authorization: Bearer ${token}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(text)}`,
    'connection: close',
    '',
    text,
  ].join('\r\n')
}

/** `done` is called once, with whether the controller said 2xx. */
function exchange(url: URL, message: string, done: (ok: boolean) => void): void {
  let answer = ''
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const socket = connect({ host, port: Number(url.port || 80) })
  // The servers hold the loop open, except while user code's own emptiness is waited for.
  socket.unref()
  socket.setTimeout(ATTEMPT_TIMEOUT_MS, () => socket.destroy())
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1')
    // The status line is all we want to know.
    if (answer.includes('\r\n')) socket.destroy()
  })
  socket.on('error', () => socket.destroy())
  socket.on('close', () => done(ACCEPTED.test(answer)))
  socket.write(message)
}
