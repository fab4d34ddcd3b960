/**
 * What a node pod costs: start, memory, specialize, first and warm call, each beside a bare `node:http` server in the same run.
 * Usage: npm run bench:runtime [rounds]
 */
import { spawn } from 'node:child_process'
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { RuntimeProcess, endRuntimes } from '../builders/runtime-process.ts'
import { cpuUs, memoryMb } from './process-cost.ts'
import { percentile } from './stats.ts'

const ROUNDS = Number(process.argv[2] ?? 15)
const WARM_CALLS = 4_000
const SETTLE_MS = 300
const HANDLER = { 'index.mjs': 'export const handler = async (event) => ({ hello: event.name })' }
const BARE = `const http = require('node:http')
  const server = http.createServer((req, res) => {
    let body = ''
    req.on('data', (chunk) => (body += chunk)).on('end', () => {
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ hello: JSON.parse(body).name }))
    })
  }).listen(0, '127.0.0.1', () => require('node:fs').writeSync(1, server.address().port + '\\n'))`

interface Sample {
  startMs: number
  rssAnonMb: number
  firstCallMs: number
  warmCallUs: number
  /** User and system time of the serving process. */
  warmCpuUs: number
}

async function timed<T>(work: () => Promise<T>): Promise<[number, T]> {
  const startedAt = performance.now()
  const result = await work()
  return [performance.now() - startedAt, result]
}

function call(agent: Agent, port: number, headers: Record<string, string>): Promise<void> {
  return new Promise((resolve, reject) => {
    const body = '{"name":"dormouse"}'
    const outgoing = request({
      agent,
      port,
      host: '127.0.0.1',
      method: 'POST',
      headers: { ...headers, 'content-length': body.length },
    })
    outgoing.on('error', reject)
    outgoing.on('response', (response) => {
      if (response.statusCode !== 200) reject(new Error(`expected 200, got ${response.statusCode}`))
      response.resume().on('end', resolve)
    })
    outgoing.end(body)
  })
}

/** One connection, one call after the other: latency, not throughput. */
async function calls(
  pid: number,
  port: number,
  headers: () => Record<string, string>,
): Promise<Pick<Sample, 'firstCallMs' | 'warmCallUs' | 'warmCpuUs'>> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const [firstCallMs] = await timed(() => call(agent, port, headers()))
  for (let i = 0; i < WARM_CALLS / 4; i++) await call(agent, port, headers())
  const cpuBefore = cpuUs(pid)
  const [warmMs] = await timed(async () => {
    for (let i = 0; i < WARM_CALLS; i++) await call(agent, port, headers())
  })
  agent.destroy()
  return {
    firstCallMs,
    warmCallUs: (warmMs / WARM_CALLS) * 1000,
    warmCpuUs: (cpuUs(pid) - cpuBefore) / WARM_CALLS,
  }
}

async function bare(): Promise<Sample> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, ['-e', BARE], { stdio: ['ignore', 'pipe', 'inherit'] })
  const port = await new Promise<number>((resolve) =>
    child.stdout.once('data', (text: Buffer) => resolve(Number(text))),
  )
  const startMs = performance.now() - startedAt
  await sleep(SETTLE_MS)
  const memory = memoryMb(child.pid ?? 0, 'RssAnon')
  const rest = await calls(child.pid ?? 0, port, () => ({}))
  child.kill('SIGKILL')
  return { startMs, rssAnonMb: memory, ...rest }
}

async function pod(): Promise<Sample & { specializeMs: number; initMs: number; specializedMb: number }> {
  const [startMs, runtime] = await timed(() => RuntimeProcess.start())
  await sleep(SETTLE_MS)
  const memory = memoryMb(runtime.pid, 'RssAnon')
  const [specializeMs, answer] = await timed(() => runtime.specialize({ files: HANDLER, timeoutMs: 30_000 }))
  const headers = () => runtime.callHeaders({ deadlineMs: 30_000 }) as Record<string, string>
  const agent = new Agent()
  const [firstCallMs] = await timed(() => call(agent, runtime.dataPort, headers()))
  await sleep(SETTLE_MS)
  const specializedMb = memoryMb(runtime.pid, 'RssAnon')
  const { warmCallUs, warmCpuUs } = await calls(runtime.pid, runtime.dataPort, headers)
  await runtime.end()
  const { initMs } = JSON.parse(answer.text) as { initMs: number }
  return { startMs, rssAnonMb: memory, firstCallMs, warmCallUs, warmCpuUs, specializeMs, initMs, specializedMb }
}

const median = (values: number[]) => percentile(values, 50)

function row(name: string, [ours, theirs]: [number, number?], unit: string): void {
  const beside =
    theirs === undefined ? '' : `bare ${theirs.toFixed(1).padStart(7)} ${unit}   ratio ${(ours / theirs).toFixed(2)}`
  process.stdout.write(`${name.padEnd(34)}${ours.toFixed(1).padStart(8)} ${unit.padEnd(3)} ${beside}\n`)
}

async function main(): Promise<void> {
  await (await RuntimeProcess.start()).end()
  const bares: Awaited<ReturnType<typeof bare>>[] = []
  const pods: Awaited<ReturnType<typeof pod>>[] = []
  for (let round = 0; round < ROUNDS; round++) {
    bares.push(await bare())
    pods.push(await pod())
  }
  const of = <K extends string>(samples: Record<K, number>[], key: K) => median(samples.map((sample) => sample[key]))
  process.stdout.write(`medians of ${ROUNDS} rounds\n`)
  row('exec to listening', [of(pods, 'startMs'), of(bares, 'startMs')], 'ms')
  row('RssAnon, idle, generic', [of(pods, 'rssAnonMb'), of(bares, 'rssAnonMb')], 'MB')
  row('RssAnon, specialized, with watchdog', [of(pods, 'specializedMb')], 'MB')
  row('specialize (inline code)', [of(pods, 'specializeMs')], 'ms')
  row('  of it: load', [of(pods, 'initMs')], 'ms')
  row('first call', [of(pods, 'firstCallMs'), of(bares, 'firstCallMs')], 'ms')
  row('specialize + first call', [median(pods.map((p) => p.specializeMs + p.firstCallMs))], 'ms')
  row('warm call, with log lines', [of(pods, 'warmCallUs'), of(bares, 'warmCallUs')], 'us')
  row('  CPU of the process', [of(pods, 'warmCpuUs'), of(bares, 'warmCpuUs')], 'us')
}

await main().finally(endRuntimes)
