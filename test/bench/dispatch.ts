/**
 * `npm run bench:dispatch [-- --kafka]`: the event path in numbers, on the embedded log, or on a Kafka (KAFKA_BROKERS, else one that is started). Rates are ratios to raw undici calls of the same function in the same run, in
 * alternating rounds; latencies and memory are of a whole dispatcher on the real log. Bounded in count and time; loopback only.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent } from 'undici'
import type { FeedSubscription } from '../../api/protocol.ts'
import { createDispatcher } from '../../dispatcher/dispatcher.ts'
import type { EventLog } from '../../events/event-log.ts'
import { triggerGroup } from '../../events/topic-names.ts'
import { createLogger } from '../../lib/logger.ts'
import { createMetrics } from '../../lib/metrics.ts'
import { openLocalEvents, type LocalEvents } from '../../local/event-log.ts'
import { Router } from '../../routing/router.ts'
import { feedFunction, feedSubscription } from '../builders/feed.ts'
import { FakeController, FAKE_TOKEN } from '../fakes/fake-controller.ts'
import { benchKafka, consumeOnly, oneAtATime } from './kafka.ts'
import { waitFor } from './platform-process.ts'
import { percentile, report, type Row } from './stats.ts'

const RECORDS = process.argv.includes('--kafka') ? 40_000 : 20_000
const ROUNDS = 5
/** Rounds that are not counted: a dispatcher lives for days, its code is compiled long since. */
const WARM_UP = 3
const CONCURRENCY = 32
const VALUE = JSON.stringify({ order: 4711, items: [{ sku: 'a-1', quantity: 2 }], total: 42.5, currency: 'EUR' })

const controller = await FakeController.start()
const directory = mkdtempSync(join(tmpdir(), 'dormouse-bench-'))
const logger = createLogger({ level: 'error' })
const children: ChildProcess[] = []

function startPod(): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(new URL('./gateway/pod.ts', import.meta.url))
  children.push(child)
  return new Promise((resolve) =>
    child.once('message', (said: { port: number }) => resolve({ child, port: said.port })),
  )
}

const { child: pod, port } = await startPod()

/** `--only idle`: one of them. */
const only = process.argv.includes('--only') ? process.argv.at(-1) : undefined
const isOnKafka = process.argv.includes('--kafka')
const kafka = isOnKafka ? await benchKafka() : undefined
/** Issue by issue: what a Kafka in another process may cost more. */
const GOALS = isOnKafka
  ? { calledMs: { p50: 15, p99: 60 }, idle: { triggers: 200, share: 0.05 }, backlog: 1_000_000 }
  : { calledMs: { p50: 5, p99: Infinity }, idle: { triggers: 100, share: 0.02 }, backlog: 500_000 }

function openLog(): Promise<LocalEvents> {
  return openLocalEvents({ stateDir: directory, kafka: kafka && { brokers: kafka.brokers }, logger })
}

async function startRouter(): Promise<Router> {
  const router = new Router({ controllerUrls: [controller.url], token: () => FAKE_TOKEN, reporter: 'bench', logger })
  router.start()
  await waitFor('the feed', () => router.feed.ready)
  return router
}

controller.setFunctions(
  feedFunction({ key: 'default/hello', signature: 'event', concurrency: CONCURRENCY, maxPods: 1 }),
)
controller.addEndpoints({
  ...{ id: 'pod-1', pod: 'pod-1', function: 'default/hello', revision: 'r1', dataKey: 'bench-key' },
  ...{ address: `127.0.0.1:${port}`, acknowledges: true },
})

async function publish(log: EventLog, topic: string, count: number): Promise<void> {
  for (let at = 0; at < count; at += 500) {
    const records = Array.from({ length: Math.min(500, count - at) }, (_, n) => ({
      ...{ topic, key: Buffer.from(`key-${(at + n) % 1_000}`), value: Buffer.from(VALUE), headers: [] },
    }))
    await log.send(records)
  }
}

/** One call of the function by undici alone: the same request, its answer read to the end. */
function rawCall(agent: Agent): () => Promise<void> {
  const id = 'orders-0-12345.0unorder'
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00'
  // What the function is promised with every delivery.
  const headers = [
    ...['dormouse-request-id', id, 'dormouse-delivery-id', id, 'dormouse-attempt', '1', 'traceparent', traceparent],
    ...['content-type', 'application/json', 'dormouse-key', 'bench-key'],
  ]
  const origin = `http://127.0.0.1:${port}`
  const body = Buffer.from(VALUE)
  return () =>
    new Promise<void>((resolve, reject) => {
      agent.dispatch(
        { origin, method: 'POST', path: '/', headers: [...headers, 'dormouse-deadline-ms', String(Date.now())], body },
        {
          onRequestStart: () => undefined,
          onResponseStart: () => undefined,
          onResponseData: () => undefined,
          onResponseEnd: () => resolve(),
          onResponseError: (_controller, error) => reject(error),
        },
      )
    })
}

/** Calls per second of undici alone, over as many connections. */
async function rawRate(agent: Agent): Promise<number> {
  const call = rawCall(agent)
  let left = RECORDS
  const startedAt = performance.now()
  const worker = async () => {
    while (left-- > 0) await call()
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, worker))
  return (RECORDS / (performance.now() - startedAt)) * 1_000
}

/** What else one might compare with, for information. */
async function compareOnKafka(log: EventLog, agent: Agent): Promise<Row[]> {
  if (kafka === undefined) return []
  await publish(log, 'beside', RECORDS)
  const rates = [
    ['read and thrown away', await consumeOnly(log, 'beside', RECORDS)],
    [
      'a kafkajs loop, one call at a time',
      await oneAtATime(kafka.brokers, { topic: 'beside', count: RECORDS / 10, call: rawCall(agent) }),
    ],
  ] as const
  return rates.map(([what, rate]) => {
    const ratio = rate / (rawRates.at(-1) ?? Number.NaN)
    const measured = `${rate.toFixed(0)}/s: ${ratio.toFixed(2)}`
    return { what: `${what}, beside raw undici calls`, measured, goal: 'for comparison', reached: true }
  })
}

async function acknowledged(log: EventLog, feed: FeedSubscription): Promise<number> {
  const group = triggerGroup(feed.trigger, feed.uid)
  return (await log.committed(group, feed.topics)).reduce((sum, { offset }) => sum + offset, 0)
}

/** Stored → function → acknowledged and committed. */
async function dispatchRate({ log, ledger }: LocalEvents, router: Router, feed: FeedSubscription): Promise<number> {
  controller.setSubscriptions(feed)
  await waitFor('the subscription', () => router.snapshot.subscriptions.length === 1)
  const dispatcher = createDispatcher({ router, log, ledger, logger, metrics: createMetrics() })
  const startedAt = performance.now()
  dispatcher.start()
  const state = dispatcher.routes().find(({ path }) => path.endsWith('/triggers/:namespace/:name/state'))
  const [namespace = '', name = ''] = feed.trigger.split('/')
  const request = { params: { namespace, name }, query: {}, body: undefined, signal: new AbortController().signal }
  const done = async () => {
    const answer = await state?.handle(request)
    return answer !== undefined && 'json' in answer ? (answer.json as { done: number }).done : 0
  }
  // Asking costs: on a Kafka each question is two to the broker. So it is asked when a third is done, and again when all should be, not by a clock whose steps would be counted, too.
  let seen = 0
  const some = async () => (seen = await done()) >= RECORDS / 3
  await waitFor('a third acknowledged', some, { withinMs: 120_000, everyMs: 100 })
  const spentMs = performance.now() - startedAt
  await sleep(spentMs * Math.max(0, RECORDS / seen - 1) * 0.9)
  await waitFor('all acknowledged', async () => (await done()) >= RECORDS, { withinMs: 120_000, everyMs: 10 })
  // Commits the rest: it would have waited for the next second.
  await dispatcher.stop()
  const rate = (RECORDS / (performance.now() - startedAt)) * 1_000
  const committed = await acknowledged(log, feed)
  if (committed !== RECORDS) throw new Error(`expected ${RECORDS} records committed, found ${committed}`)
  return rate
}

const rawRates: number[] = []

async function rates(): Promise<Row[]> {
  const events = await openLog()
  const { log, close } = events
  const router = await startRouter()
  const agent = new Agent({ connections: CONCURRENCY, pipelining: 1 })
  const ratios: Record<'unordered' | 'key', number[]> = { unordered: [], key: [] }
  await rawRate(agent)
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    for (const ordering of ['unordered', 'key'] as const) {
      const topic = `orders-${round}-${ordering}`
      await publish(log, topic, RECORDS)
      const trigger = `default/${topic}` as const
      const raw = await rawRate(agent)
      rawRates.push(raw)
      const feed = feedSubscription({ trigger, uid: `${round}${ordering}-uid`, topics: [topic], ordering })
      const rate = await dispatchRate(events, router, feed)
      if (round >= WARM_UP) ratios[ordering].push(rate / raw)
      console.log(
        `${round < WARM_UP ? 'warm-up' : 'round  '} ${round + 1}  ${ordering.padEnd(9)}  ${rate.toFixed(0)}/s beside raw ${raw.toFixed(0)}/s`,
      )
    }
  }
  controller.setSubscriptions()
  const beside = await compareOnKafka(log, agent)
  await agent.close()
  await router.stop()
  await close()
  const rows = (['unordered', 'key'] as const).map((ordering) => {
    const ratio = percentile(ratios[ordering], 50)
    const what = `stored → function → acknowledged, ${ordering}, beside raw undici calls (median of ${ROUNDS})`
    return { what, measured: ratio.toFixed(2), goal: '≥ 0.7', reached: ratio >= 0.7 }
  })
  return [...rows, ...beside]
}

/** One record every 5 ms to a warm function: from the settled send to the beginning of the call, as the pod's clock sees it. */
async function latency(): Promise<Row[]> {
  const { log, ledger, close } = await openLog()
  const router = await startRouter()
  const feed = feedSubscription({ trigger: 'default/latency', uid: 'latency-uid', topics: ['latency'] })
  controller.setSubscriptions(feed)
  await waitFor('the subscription', () => router.snapshot.subscriptions.length === 1)
  const calls: number[] = []
  const call = router.call.bind(router)
  router.call = (request, sink) => {
    calls.push(performance.now())
    return call(request, sink)
  }
  const dispatcher = createDispatcher({ router, log, ledger, logger, metrics: createMetrics() })
  dispatcher.start()
  await publish(log, 'latency', 200)
  await waitFor('the warm-up', () => calls.length >= 200)
  await sleep(200)
  const times: number[] = []
  for (let n = 0; n < 400; n++) {
    calls.length = 0
    await log.send([{ topic: 'latency', key: null, value: Buffer.from(VALUE), headers: [] }])
    const storedAt = performance.now()
    await waitFor('the call', () => calls.length > 0, { everyMs: 0 })
    times.push(Math.max(0, (calls[0] ?? 0) - storedAt))
    await sleep(5)
  }
  await dispatcher.stop()
  await router.stop()
  await close()
  const p50 = percentile(times, 50)
  const measured = `p50 ${p50.toFixed(2)} ms, p99 ${percentile(times, 99).toFixed(1)} ms`
  return [
    {
      what: 'stored → called, warm',
      measured,
      goal: `p50 ≤ ${GOALS.calledMs.p50} ms${isOnKafka ? `, p99 ≤ ${GOALS.calledMs.p99} ms` : ''}`,
      reached: p50 <= GOALS.calledMs.p50 && percentile(times, 99) <= GOALS.calledMs.p99,
    },
  ]
}

/** 5,000 records that fail once, due at 1,000 a second: how late their second attempt is. As many before them are not counted: a broker that has just been started is slow. */
async function retries(): Promise<Row[]> {
  const { log, ledger, close } = await openLog()
  const router = await startRouter()
  const backoff = { initialMs: 2_000, factor: 1, maxMs: 2_000 }
  const retry = { maxAttempts: 2, backoff, maxAgeMs: 3_600_000 }
  const feed = feedSubscription({
    trigger: 'default/late',
    uid: 'late-uid',
    topics: ['late'],
    retry,
    startFrom: 'earliest',
  })
  controller.setSubscriptions(feed)
  await waitFor('the subscription', () => router.snapshot.subscriptions.length === 1)
  const failedAt = new Map<string, number>()
  const lateMs: number[] = []
  const call = router.call.bind(router)
  router.call = (request, sink) => {
    const id = request.headers[request.headers.indexOf('dormouse-delivery-id') + 1] ?? ''
    const attempt = request.headers[request.headers.indexOf('dormouse-attempt') + 1]
    if (attempt === '2') {
      lateMs.push(Date.now() - (failedAt.get(id) ?? 0) - backoff.initialMs)
      return call(request, sink)
    }
    return call(request, {
      onStart: () => undefined,
      onData: () => true,
      onEnd: () => {
        failedAt.set(id, Date.now())
        sink.onStart(500, { 'dormouse-error': 'handled' })
        sink.onData(Buffer.from('{"errorType":"Error","errorMessage":"not yet"}'))
        sink.onEnd({})
      },
      onBroken: (error) => sink.onBroken(error),
      onProblem: (problem) => sink.onProblem(problem),
    })
  }
  const dispatcher = createDispatcher({ router, log, ledger, logger, metrics: createMetrics() })
  dispatcher.start()
  const count = 10_000
  const startedAt = performance.now()
  for (let sent = 0; sent < count;) {
    await publish(log, 'late', 50)
    sent += 50
    await sleep(Math.max(0, sent - (performance.now() - startedAt)))
  }
  await waitFor('all retries', () => lateMs.length >= count, { withinMs: 60_000 })
  await dispatcher.stop()
  await router.stop()
  await close()
  const early = lateMs.filter((late) => late < 0).length
  const counted = lateMs.slice(count / 2)
  const p99 = percentile(counted, 99)
  const measured = `${early} early, p50 ${percentile(counted, 50).toFixed(0)} ms, p99 ${p99.toFixed(0)} ms late`
  return [
    {
      what: `retries at 1,000/s (${counted.length})`,
      measured,
      goal: '0 early, p99 ≤ 50 ms',
      reached: early === 0 && p99 <= 50,
    },
  ]
}

/** Megabytes, over ten seconds: between two collections it moves by fifty. */
async function meanResident(): Promise<number> {
  let sum = 0
  for (let n = 0; n < 100; n++) {
    await sleep(100)
    sum += process.memoryUsage().rss / 2 ** 20
  }
  return sum / 100
}

/** A backlog much larger than any buffer, worked on for a while: resident memory before and then. */
async function backlogMemory(): Promise<Row[]> {
  const { log, ledger, close } = await openLog()
  await publish(log, 'backlog', GOALS.backlog)
  const router = await startRouter()
  controller.setSubscriptions(feedSubscription({ trigger: 'default/backlog', uid: 'backlog-uid', topics: ['backlog'] }))
  await waitFor('the subscription', () => router.snapshot.subscriptions.length === 1)
  const dispatcher = createDispatcher({ router, log, ledger, logger, metrics: createMetrics() })
  dispatcher.start()
  // The heap has its size by then.
  await sleep(15_000)
  const before = await meanResident()
  await sleep(15_000)
  const grown = (await meanResident()) - before
  await dispatcher.stop()
  controller.setSubscriptions()
  await router.stop()
  await close()
  const measured = `${before.toFixed(0)} MB, ${grown >= 0 ? '+' : ''}${grown.toFixed(0)} MB in 25 s`
  return [
    {
      what: `resident memory over a backlog of ${GOALS.backlog}`,
      measured,
      goal: 'flat (≤ +32 MB)',
      reached: grown <= 32,
    },
  ]
}

/** Triggers with nothing to do: processor time of the whole process. */
async function idle(): Promise<Row[]> {
  const { log, ledger, close } = await openLog()
  const router = await startRouter()
  const names = Array.from({ length: GOALS.idle.triggers }, (_, n) => n)
  const feeds = names.map((n) =>
    feedSubscription({ trigger: `default/idle-${n}`, uid: `${n}-idle-uid`, topics: [`idle-${n}`] }),
  )
  await log.ensureTopics(names.map((n) => ({ topic: `idle-${n}`, partitions: 6 })))
  controller.setSubscriptions(...feeds)
  await waitFor('the subscriptions', () => router.snapshot.subscriptions.length === names.length)
  const dispatcher = createDispatcher({ router, log, ledger, logger, metrics: createMetrics() })
  dispatcher.start()
  // All have joined their groups by then: a Kafka that has just been started has to make its own topics first.
  await sleep(isOnKafka ? 30_000 : 5_000)
  const before = process.cpuUsage()
  await sleep(10_000)
  const { user, system } = process.cpuUsage(before)
  global.gc?.()
  const mb = process.memoryUsage().rss / 2 ** 20
  await dispatcher.stop()
  controller.setSubscriptions()
  await router.stop()
  await close()
  const share = (user + system) / 1e6 / 10
  const measured = `${(share * 100).toFixed(2)} % of a core, ${mb.toFixed(0)} MB`
  const { triggers } = GOALS.idle
  const goal = `≤ ${GOALS.idle.share * 100} %, ≤ 300 MB`
  return [{ what: `${triggers} idle Triggers`, measured, goal, reached: share <= GOALS.idle.share && mb <= 300 }]
}

try {
  const rows: Row[] = []
  for (const measure of [rates, latency, retries, idle, backlogMemory])
    if (only === undefined || measure.name === only) rows.push(...(await measure()))
  report(`Dispatch, ${kafka?.name ?? 'embedded log'}`, rows)
} finally {
  pod.kill()
  await controller.stop()
  await kafka?.stop()
  rmSync(directory, { recursive: true, force: true })
}
