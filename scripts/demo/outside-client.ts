/** What a client outside sees: one request, one stream or one WebSocket, timed from before the connection is opened. */
import { request } from 'undici'
import { HEADER } from '../../api/names.ts'

export interface Seen {
  /** Until the first byte of the answer, or the first message, was here. */
  firstByteMs: number
  /** `pod=0.0,specialize=5.1,…`; absent when the answer does not tell. */
  phases?: string
  /** What came back, short. */
  answer: string
}

const WAIT_MS = 15_000

/** Throws when the answer is not a success. */
export async function callOnce(
  url: string,
  init: { method: 'GET' | 'POST'; headers?: Record<string, string>; body?: string },
): Promise<Seen> {
  const startedAt = performance.now()
  const { statusCode, headers, body } = await request(url, { ...init, signal: AbortSignal.timeout(WAIT_MS) })
  let firstByteMs: number | undefined
  const chunks: Buffer[] = []
  for await (const chunk of body as AsyncIterable<Buffer>) {
    firstByteMs ??= performance.now() - startedAt
    chunks.push(chunk)
  }
  const answer = Buffer.concat(chunks).toString().trim()
  if (statusCode >= 300) throw new Error(`${url} answered ${statusCode}: ${answer.slice(0, 200)}`)
  const phases = headers[HEADER.coldStart]
  const seen = { firstByteMs: firstByteMs ?? performance.now() - startedAt, answer }
  return typeof phases === 'string' ? { ...seen, phases } : seen
}

/** Sends one message over a WebSocket and waits for the first that comes back. */
export function talkOnce(url: string, message: string): Promise<Seen> {
  const startedAt = performance.now()
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url.replace(/^http/, 'ws'))
    const timer = setTimeout(
      () => (socket.close(), reject(new Error(`${url}: no message within ${WAIT_MS} ms`))),
      WAIT_MS,
    )
    socket.onopen = () => socket.send(message)
    socket.onmessage = ({ data }) => {
      clearTimeout(timer)
      socket.close()
      resolve({ firstByteMs: performance.now() - startedAt, answer: String(data) })
    }
    socket.onerror = () => {
      clearTimeout(timer)
      reject(new Error(`${url}: the WebSocket could not be opened`))
    }
  })
}
