/**
 * `npm run bench:async [-- --kafka]`: invocations that are answered when they are stored, and sleeping functions woken by records beside requests, in
 * alternation. `dormouse dev` in a process of its own, driven over its public faces; bounded in count; loopback only.
 */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent } from 'undici'
import { benchKafka } from './kafka.ts'
import {
  allReady,
  asleep,
  functionManifest,
  poolFull,
  startPlatformProcess,
  waitFor,
  type PlatformProcess,
} from './platform-process.ts'
import { ms, percentile, report, type Row } from './stats.ts'

const INVOCATIONS = 10_000
const CONNECTIONS = 64
const WAKES = 30
const POOL = 3

/** Says over a socket when it was called: epoch milliseconds, as this process's clock has them. */
const telling = (port: number) => `const { connect } = require('node:net')
exports.handler = async () => {
  const at = performance.timeOrigin + performance.now()
  await new Promise((resolve) => connect(${port}, '127.0.0.1').end(String(at), resolve))
}`

const calledAt: number[] = []
const listener = createServer((socket: Socket) => {
  socket.on('data', (text: Buffer) => void calledAt.push(Number(text.toString())))
  socket.on('error', () => undefined)
})
listener.listen(0, '127.0.0.1')
await once(listener, 'listening')

const now = () => performance.timeOrigin + performance.now()
const agent = new Agent({ connections: CONNECTIONS, pipelining: 1 })

function post(url: string, headers: Record<string, string> = {}): Promise<number> {
  const { origin, pathname } = new URL(url)
  return new Promise((resolve, reject) => {
    let status = 0
    agent.dispatch(
      {
        origin,
        path: pathname,
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: '{}',
      },
      {
        onRequestStart: () => undefined,
        onResponseStart: (_controller, code) => void (status = code),
        onResponseData: () => undefined,
        onResponseEnd: () => resolve(status),
        onResponseError: (_controller, error) => reject(error),
      },
    )
  })
}

/** While the function handles them, as it does in life. */
async function accepted(platform: PlatformProcess): Promise<Row[]> {
  await platform.apply([functionManifest({ name: 'many', concurrency: 20, scaling: { idleAfter: '5s' } })])
  await allReady(platform, 1)
  const url = `${platform.urls.internal}/fn/default/many`
  let left = INVOCATIONS
  let refused = 0
  const startedAt = performance.now()
  const client = async () => {
    while (left-- > 0) if ((await post(url, { 'dormouse-invocation-type': 'Event' })) !== 202) refused++
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, client))
  const rate = (INVOCATIONS / (performance.now() - startedAt)) * 1_000
  const what = `asynchronous invocations answered 202, stored, ${CONNECTIONS} clients (${INVOCATIONS})`
  const measured = `${rate.toFixed(0)}/s, ${refused} refused`
  return [{ what, measured, goal: '≥ 2,000/s', reached: rate >= 2_000 && refused === 0 }]
}

/** Milliseconds from sending to the beginning of the function's call. */
async function wakeMs(platform: PlatformProcess, url: string): Promise<number> {
  await poolFull(platform, POOL)
  await sleep(50)
  calledAt.length = 0
  const sentAt = now()
  const answer = post(url)
  const [at] = await waitFor('the call', () => (calledAt.length > 0 ? calledAt : undefined), { everyMs: 1 })
  await answer
  return (at ?? Number.NaN) - sentAt
}

async function woken(platform: PlatformProcess): Promise<Row[]> {
  const { port } = listener.address() as AddressInfo
  const names = Array.from({ length: 2 * WAKES }, (_, n) => `wake-${n}`)
  const functions = names.map((name) => functionManifest({ name, code: telling(port), scaling: { idleAfter: '5s' } }))
  const triggers = names.map((name) => ({
    ...{ apiVersion: 'dormouse.dev/v1alpha1', kind: 'Trigger', metadata: { name } },
    spec: { function: name, kafka: { topics: [name], startFrom: 'earliest' } },
  }))
  await platform.apply([...functions, ...triggers])
  await allReady(platform, names.length + 1)
  await asleep(platform)
  const [byRequest, byRecord]: [number[], number[]] = [[], []]
  for (const [index, name] of names.entries()) {
    const isRecord = index % 2 === 1
    const url = isRecord ? `${platform.urls.internal}/topics/${name}` : `${platform.urls.internal}/fn/default/${name}`
    const took = await wakeMs(platform, url)
    ;(isRecord ? byRecord : byRequest).push(took)
  }
  const [request, record] = [percentile(byRequest, 50), percentile(byRecord, 50)]
  const measured = `${ms(record)} (p95 ${ms(percentile(byRecord, 95))}) beside ${ms(request)} by a request`
  const what = `published → called, asleep, p50 of ${WAKES}`
  if (kafka !== undefined) return [{ what, measured, goal: '≤ 1 s', reached: record <= 1_000 }]
  return [{ what, measured, goal: 'a request + 10 ms', reached: record <= request + 10 }]
}

const kafka = process.argv.includes('--kafka') ? await benchKafka() : undefined
const platform = await startPlatformProcess({ pool: POOL, kafka: kafka?.brokers[0] })
try {
  const rows = await accepted(platform)
  report(kafka === undefined ? 'Asynchronous' : 'Asynchronous, on Kafka', [...rows, ...(await woken(platform))])
} finally {
  await platform.stop()
  await kafka?.stop()
  await agent.close()
  listener.close()
}
