/**
 * A port of a pod on a loopback port of ours, byte for byte, as `kubectl port-forward` makes one. Every connection is one WebSocket to
 * the API server; what the two ends say about each connection stays with it.
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { WebSocket } from 'undici'
import type { RawApi } from './raw-api.ts'
import { errorText } from '../../lib/error-text.ts'

export interface ForwardedPod {
  namespace: string
  pod: string
  port: number
}

export interface PortForward {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  /** Why connections ended that should not have: what the kubelet said last. */
  readonly failure: string | undefined
  close(): Promise<void>
}

/** Channels of one forwarded port: every message begins with one of these bytes. */
const DATA = 0
const ERROR = 1
const PROTOCOL = 'v4.channel.k8s.io'

export async function openPortForward(api: RawApi, target: ForwardedPod): Promise<PortForward> {
  const sockets = new Set<Socket>()
  let failure: string | undefined
  const fail = (reason: string) => void (failure = reason)
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    join({ api, target, socket, fail }).catch((error: unknown) => {
      fail(errorText(error))
      socket.destroy()
    })
  })
  const port = await listen(server)
  return {
    url: `http://127.0.0.1:${port}`,
    get failure() {
      return failure
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}

interface Join {
  api: RawApi
  target: ForwardedPod
  socket: Socket
  fail: (reason: string) => void
}

/** Rejects when the API server refuses; after that the socket's end is the end. */
async function join({ api, target: { namespace, pod, port }, socket, fail }: Join): Promise<void> {
  socket.pause()
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}/portforward?ports=${port}`
  const web = await api.webSocket(path, [PROTOCOL])
  web.binaryType = 'arraybuffer'
  socket.on('close', () => web.close())
  const receive = createReceiver(socket, fail)
  web.addEventListener('message', ({ data }) => receive(Buffer.from(data as ArrayBuffer)))
  web.addEventListener('close', () => socket.end())
  if (!(await opened(web))) throw await refusal(api, path)
  socket.on('data', (chunk: Buffer) => send(web, chunk, socket))
  socket.resume()
}

function opened(web: WebSocket): Promise<boolean> {
  return new Promise((resolve) => {
    web.addEventListener('open', () => resolve(true))
    web.addEventListener('error', () => resolve(false))
  })
}

/** A WebSocket does not tell why it was refused; the same path without an upgrade does. */
async function refusal(api: RawApi, path: string): Promise<Error> {
  const response = await api.request(path)
  const { message } = (await response.json().catch(() => ({}))) as { message?: string }
  return new Error(message ?? `the API server answered ${response.status}`)
}

/** The first message of each channel is the number of the port, in two bytes. */
function createReceiver(socket: Socket, fail: (reason: string) => void): (message: Buffer) => void {
  const begun = new Set<number>()
  return (message) => {
    const [channel = ERROR] = message
    const isFirst = !begun.has(channel)
    begun.add(channel)
    const bytes = message.subarray(isFirst ? 3 : 1)
    if (bytes.length === 0) return
    if (channel === DATA) socket.write(bytes)
    else {
      fail(bytes.toString('utf8').trim())
      socket.destroy()
    }
  }
}

const MAX_UNSENT_BYTES = 1024 * 1024
const LOOK_AGAIN_MS = 5

/** The WebSocket has no back-pressure but its counter. */
function send(web: WebSocket, chunk: Buffer, socket: Socket): void {
  if (web.readyState !== web.OPEN) return
  web.send(Buffer.concat([Buffer.of(DATA), chunk]))
  if (web.bufferedAmount < MAX_UNSENT_BYTES) return
  socket.pause()
  const look = setInterval(() => {
    if (web.readyState === web.OPEN && web.bufferedAmount >= MAX_UNSENT_BYTES) return
    clearInterval(look)
    socket.resume()
  }, LOOK_AGAIN_MS)
}
