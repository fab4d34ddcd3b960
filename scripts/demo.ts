/**
 * `npm run demo`: Dormouse's main job on the example functions, from manifest to answer to sleep, every number measured by a client outside.
 * Exit 0 when all of it held, 1 with a sentence when not. `--keep` leaves it running until Ctrl-C; `--kafka` keeps its events on a real
 * Kafka (KAFKA_BROKERS, else one that is started for it); a folder as argument takes the place of examples/hello.
 */
import { parseArgs } from 'node:util'
import { setTimeout as delay } from 'node:timers/promises'
import { FUNCTIONS, TRIGGERS } from '../api/kinds.ts'
import type { DormouseFunction } from '../api/function.ts'
import type { Trigger } from '../api/trigger.ts'
import { describeAddresses } from '../cli/dev/print-addresses.ts'
import { loadManifests } from '../cli/manifests/load-manifests.ts'
import { painter } from '../cli/output/color.ts'
import { formatTable } from '../cli/output/table.ts'
import { startDemoKafka, type DemoKafka } from './demo/kafka.ts'
import { startInstance, type DemoInstance } from './demo/instance.ts'
import { FIRST_REVISION, loadManifest, tellLoadStory, type LoadStory, type Telling } from './demo/load-story.ts'
import { tellOrdersStory, type OrdersStory } from './demo/orders-story.ts'
import { applyAll, countPods, DemoError, until } from './demo/platform-view.ts'
import { wakeAll, type WokenFunction } from './demo/wake-all.ts'
import { errorText } from '../lib/error-text.ts'

const { values, positionals } = parseArgs({
  options: { keep: { type: 'boolean', default: false }, kafka: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const EXAMPLES = positionals[0] ?? 'examples/hello'
const ROOT = new URL('..', import.meta.url).pathname
const paint = painter(process.stdout, process.env)
const step = (text: string) => console.log(`\n${paint('bold', text)}`)

let shown = ''
const telling: Telling = {
  progress(text) {
    if (process.stdout.isTTY) process.stdout.write(`\r\u001b[2K  ${text}`)
    else if (text !== shown) console.log(`  ${text}`)
    shown = text
  },
  line(text) {
    if (process.stdout.isTTY) process.stdout.write('\r\u001b[2K')
    console.log(`  ${text}`)
  },
}

/** The examples, quick to fall asleep: a demo has no five minutes. */
async function exampleManifests(): Promise<object[]> {
  const { manifests, mistakes } = await loadManifests({
    sources: [EXAMPLES],
    cwd: ROOT,
    readStdin: async () => Buffer.alloc(0),
  })
  const [mistake] = mistakes
  if (mistake !== undefined) throw new DemoError(`${mistake.file}:${mistake.line ?? 1}: ${mistake.message}`)
  return manifests.map(({ manifest, written }) => {
    if (manifest.kind !== 'Function') return written
    const spec = written['spec'] as { scaling?: object }
    return { ...written, spec: { ...spec, scaling: { ...spec.scaling, min: 0, idleAfter: '1s' } } }
  })
}

async function tell(instance: DemoInstance): Promise<void> {
  const startedAt = performance.now()
  step('1  Manifests are applied')
  const ends = await applyAll(instance.client, [...(await exampleManifests()), loadManifest(FIRST_REVISION)])
  const bad = [...ends].find(([, end]) => end.kind !== 'ready')
  if (bad !== undefined) throw new DemoError(`${bad[0]} did not become ready: ${JSON.stringify(bad[1])}`)
  telling.line(`${ends.size} objects ready after ${Math.round(performance.now() - startedAt)} ms`)
  telling.progress('waiting until every function sleeps')
  await until('all functions asleep', 20_000, async () => (await countPods(instance.client)).ofFunctions === 0)
  telling.line('every function sleeps: no pod runs for any of them')

  step('2  Each is woken from zero by a client outside')
  const functions = (await instance.client.list({ plural: FUNCTIONS.plural })) as DormouseFunction[]
  const triggers = (await instance.client.list({ plural: TRIGGERS.plural })) as Trigger[]
  const woken = await wakeAll(instance, functions.filter(isExample), triggers)
  console.log(indent(wakeTable(woken)))

  step('3  One function under load; a new revision, then a broken one')
  const story = await tellLoadStory(instance, telling)

  telling.line(`no function pod is left ${(story.asleepMs / 1000).toFixed(1)} s after the last request`)

  step('4  A shop of events: orders, retries, a dead letter, its replay')
  const orders = await tellOrdersStory(instance, telling)

  step('5  Asleep again')
  telling.line(`no function pod is left ${(orders.asleepMs / 1000).toFixed(1)} s after the last event`)
  console.log(`\n${indent(summary(woken, story, orders))}`)
}

const isExample = ({ metadata }: DormouseFunction) => metadata.name !== 'demo-load'
const indent = (text: string) => text.replace(/^(?=.)/gm, '  ')

function wakeTable(woken: readonly WokenFunction[]): string {
  const rows = woken.map(({ name, signature, firstByteMs, phases }) => [
    name,
    signature,
    firstByteMs.toFixed(1),
    shownPhases(phases),
  ])
  return formatTable(['NAME', 'SIGNATURE', 'FIRST BYTE MS', 'OF WHICH, AS THE GATEWAY MEASURED (MS)'], rows)
}

/** `pod=0.0,specialize=5.1` → `pod 0.0  specialize 5.1` */
function shownPhases(phases: string | undefined): string {
  return phases === undefined ? '' : phases.replaceAll('=', ' ').replaceAll(',', '  ')
}

function summary(woken: readonly WokenFunction[], story: LoadStory, orders: OrdersStory): string {
  const times = woken.map(({ firstByteMs }) => firstByteMs).sort((a, b) => a - b)
  const median = times[Math.floor(times.length / 2)] ?? 0
  const rows = [
    ['woken from zero, median of', `${woken.length} functions`, `${median.toFixed(1)} ms`],
    ['woken from zero, slowest', '', `${(times.at(-1) ?? 0).toFixed(1)} ms`],
    ['requests under load', `${story.mostPods} pods at most`, `${story.answered}, 0 failed`],
    [
      'answer under load (handler waits 25 ms)',
      'p50 / p99',
      `${story.p50Ms.toFixed(1)} / ${story.p99Ms.toFixed(1)} ms`,
    ],
    ['new revision under load', 'apply → answers', `${Math.round(story.rolloutMs)} ms`],
    ['broken revision', 'refused, the old one went on', story.refusal.match(/\(([^)]+:\d+[^)]*)\)/)?.[1] ?? ''],
    ['asleep after the last request', 'idleAfter 1s', `${(story.asleepMs / 1000).toFixed(1)} s`],
    ['orders placed, paid, confirmed', `${orders.retries} retries`, `${orders.orders}, 0 lost`],
    ['dead letter of payment', `${orders.redriven} replayed, 0 left`, orders.deadLetter],
  ]
  return formatTable(['WHAT', '', 'MEASURED'], rows)
}

async function keepRunning({ client, urls }: DemoInstance): Promise<void> {
  const functions = (await client.list({ plural: FUNCTIONS.plural })) as DormouseFunction[]
  const triggers = (await client.list({ plural: TRIGGERS.plural })) as Trigger[]
  step('Left running; Ctrl-C stops')
  console.log(describeAddresses({ urls, functions, triggers }))
  console.log(`  dormouse get all --server ${urls.management}`)
  while (!interrupted.signal.aborted)
    await delay(60_000, undefined, { signal: interrupted.signal }).catch(() => undefined)
}

const interrupted = new AbortController()

async function main(): Promise<void> {
  const kafka = values.kafka ? await startDemoKafka((text) => step(text)) : undefined
  try {
    await show(kafka)
  } finally {
    await kafka?.stop()
  }
}

async function show(kafka: DemoKafka | undefined): Promise<void> {
  const instance = await startInstance(kafka?.brokers)
  const stopNow = () => {
    if (interrupted.signal.aborted || !values.keep || !told) {
      instance.kill()
      // A Kafka of ours ends with us.
      process.exit(130)
    }
    interrupted.abort()
  }
  let told = false
  process.on('SIGINT', stopNow)
  process.on('SIGTERM', stopNow)
  try {
    await tell(instance)
    told = true
    if (values.keep) await keepRunning(instance)
  } catch (error) {
    await instance.stop().catch(() => undefined)
    throw error
  }
  await instance.stop()
}

try {
  await main()
} catch (error) {
  console.error(`\ndemo failed: ${errorText(error)}`)
  process.exitCode = 1
}
