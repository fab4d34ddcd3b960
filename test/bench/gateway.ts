/**
 * The gateway beside a bare node:http + undici.dispatch proxy and nginx, all before the same pod, in alternating rounds so that the
 * machine's moods hit all alike. `npm run bench:gateway [-- --seconds 4 --rounds 4 --connections 32]`. Bounded in time; loopback only.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { parseArgs } from 'node:util'
import autocannon from 'autocannon'
import { feedFunction, feedRoute } from '../builders/feed.ts'
import { FakeController } from '../fakes/fake-controller.ts'
import { NGINX, startNginx } from './gateway/nginx.ts'
import { percentile, report, type Row } from './stats.ts'

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '4' },
    connections: { type: 'string', default: '32' },
    /** Options of the gateway's node, e.g. --cpu-prof. */
    node: { type: 'string', default: '' },
  },
})

interface Contender {
  name: string
  port: number
  cpuUs(): Promise<number> | number
}

interface Round {
  rate: number
  p99Ms: number
  cpuUsPerRequest: number
}

const children: ChildProcess[] = []

function start(file: string, argument = '', execArgv: string[] = []): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(new URL(`./gateway/${file}`, import.meta.url), [argument], { execArgv })
  children.push(child)
  return new Promise((resolve, reject) => {
    child.once('message', (message: { port: number }) => resolve({ child, port: message.port }))
    child.once('exit', (code) => reject(new Error(`${file} ended with ${code}`)))
  })
}

function askCpu(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once('message', (message: { cpuUs: number }) => resolve(message.cpuUs))
    child.send('cpu')
  })
}

async function run(contender: Contender, seconds: number): Promise<Round> {
  const before = await contender.cpuUs()
  const result = await autocannon({
    url: `http://127.0.0.1:${contender.port}/`,
    connections: Number(options.connections),
    duration: seconds,
    workers: 1,
  })
  const cpuUs = (await contender.cpuUs()) - before
  const requests = result.requests.total
  if (result.non2xx + result.errors > 0)
    throw new Error(`${contender.name}: ${result.non2xx} non-2xx, ${result.errors} errors`)
  return { rate: requests / result.duration, p99Ms: result.latency.p99, cpuUsPerRequest: cpuUs / requests }
}

async function contenders(controller: FakeController, podPort: number): Promise<Contender[]> {
  const address = `127.0.0.1:${podPort}`
  controller.setFunctions(feedFunction({ concurrency: 1_000 }))
  controller.setRoutes(feedRoute())
  controller.addEndpoints({
    id: 'pod-1',
    pod: 'pod-1',
    function: 'default/hello',
    revision: 'r1',
    address,
    dataKey: 'bench-key',
    acknowledges: true,
  })
  const gateway = await start('gateway-process.ts', controller.url, options.node === '' ? [] : options.node.split(' '))
  const bare = await start('bare-proxy.ts', `http://${address}`)
  return [
    { name: 'gateway', port: gateway.port, cpuUs: () => askCpu(gateway.child) },
    { name: 'bare', port: bare.port, cpuUs: () => askCpu(bare.child) },
  ]
}

const median = (values: number[]) => percentile(values, 50)

async function measure(all: Contender[]): Promise<Map<string, Round>> {
  const rounds = new Map<string, Round[]>(all.map(({ name }) => [name, []]))
  // Long enough for the JIT to finish: a gateway lives for days.
  for (const contender of all) await run(contender, 4)
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const contender of round % 2 === 0 ? all : [...all].reverse()) {
      const seen = await run(contender, Number(options.seconds))
      rounds.get(contender.name)?.push(seen)
      const numbers = `${seen.rate.toFixed(0)}/s  p99 ${seen.p99Ms} ms  ${seen.cpuUsPerRequest.toFixed(1)} µs CPU`
      console.log(`round ${round + 1}  ${contender.name.padEnd(8)} ${numbers}`)
    }
  }
  const of = (seen: Round[]) => ({
    rate: median(seen.map(({ rate }) => rate)),
    p99Ms: median(seen.map(({ p99Ms }) => p99Ms)),
    cpuUsPerRequest: median(seen.map(({ cpuUsPerRequest }) => cpuUsPerRequest)),
  })
  return new Map([...rounds].map(([name, seen]) => [name, of(seen)]))
}

function rowsOf(results: Map<string, Round>): Row[] {
  const [gateway, bare, nginx] = ['gateway', 'bare', 'nginx'].map((name) => results.get(name))
  if (gateway === undefined || bare === undefined) throw new Error('expected results of the gateway and the bare proxy')
  const rate = gateway.rate / bare.rate
  const p99 = gateway.p99Ms / Math.max(1, bare.p99Ms)
  const bareCpu = gateway.cpuUsPerRequest / bare.cpuUsPerRequest
  const rows: Row[] = [
    { what: 'rate, gateway / bare proxy', measured: rate.toFixed(2), goal: '≥ 0.85', reached: rate >= 0.85 },
    { what: 'p99, gateway / bare proxy', measured: p99.toFixed(2), goal: '≤ 1.5', reached: p99 <= 1.5 },
    {
      what: 'CPU per request, gateway / bare proxy',
      measured: `${bareCpu.toFixed(2)} (${gateway.cpuUsPerRequest.toFixed(1)} / ${bare.cpuUsPerRequest.toFixed(1)} µs)`,
      goal: 'for comparison',
      reached: true,
    },
  ]
  if (nginx === undefined) return rows
  const cpu = gateway.cpuUsPerRequest / nginx.cpuUsPerRequest
  const measured = `${cpu.toFixed(2)} (${gateway.cpuUsPerRequest.toFixed(1)} / ${nginx.cpuUsPerRequest.toFixed(1)} µs)`
  return [...rows, { what: 'CPU per request, gateway / nginx', measured, goal: '≤ 2.5', reached: cpu <= 2.5 }]
}

const controller = await FakeController.start()
const pod = await start('pod.ts')
const nginx = await startNginx(`127.0.0.1:${pod.port}`)
try {
  const all = await contenders(controller, pod.port)
  if (nginx === undefined) console.log(`nginx is skipped: there is no ${NGINX} (Debian: nginx-light)`)
  else all.push({ name: 'nginx', port: nginx.port, cpuUs: () => nginx.cpuUs() })
  report('Gateway', rowsOf(await measure(all)))
} finally {
  await nginx?.stop()
  for (const child of children) child.removeAllListeners('exit').kill()
  await controller.stop()
}
