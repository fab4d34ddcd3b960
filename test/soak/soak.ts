/**
 * Records through dispatchers that come and go, counted exactly: Kafka, the dispatchers and the function are processes of their own, the
 * controller's side is its fake. Everything is ended and removed at the end.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { EVENT_HEADER } from '../../api/names.ts'
import type { FeedSubscription } from '../../api/protocol.ts'
import { EventLogError, type EventLog, type NewRecord } from '../../events/event-log.ts'
import { openKafkaEventLog } from '../../events/kafka/kafka-event-log.ts'
import { readToEnd } from '../../events/read-topic.ts'
import { textOf } from '../../events/record-headers.ts'
import { deadLetterTopic, retryGroup, tiersAmong, triggerGroup } from '../../events/topic-names.ts'
import { silentLogger } from '../../lib/logger.ts'
import { eventually } from '../builders/eventually.ts'
import { feedFunction, feedSubscription } from '../builders/feed.ts'
import { FAKE_TOKEN, FakeController } from '../fakes/fake-controller.ts'
import { account, nameOf, type Account, type RecordName, type Seen, type SeenCall } from './accounting.ts'
import { DispatcherFleet } from './dispatchers.ts'
import {
  countsOf,
  countsOfCalls,
  countsSince,
  RETRY_DELAYS_MS,
  type CallCounts,
  type EventCounts,
} from './event-counts.ts'
import { fateOf } from './fate.ts'

export interface SoakOptions {
  /** Of the topic. */
  name: string
  brokers: readonly string[]
  records: number
  /** The records are sent evenly over this time. */
  durationMs: number
  /** What happens to dispatchers and brokers until all is sent; how many dispatchers ended by it. */
  disturb: (bed: SoakBed) => Promise<number>
  /** Milliseconds a call takes. */
  callMs?: number
  ordering?: 'key' | 'unordered'
  /** For sends and commits that must wait for a broker. */
  settleWithinMs?: number
  /** More of them, once all are done and dispatchers neither come nor go. */
  quietRecords?: number
}

export interface SoakBed {
  fleet: DispatcherFleet
  controller: FakeController
  log: EventLog
  topic: string
  /** Settles when all is sent. */
  sending: Promise<unknown>
}

export interface SoakResult extends Account {
  /** Dispatchers that were ended. */
  endings: number
  /** Most calls that could be in flight or acknowledged since the last commit at one of them. */
  perEnding: number
  crashes: string[]
  /** Those that run at the end. */
  dispatchers: number
  /** What their metrics say. */
  counts: EventCounts
  /** What the metrics of all that ever ran had to say. */
  called: CallCounts
  /** The same of the quiet records alone, for which nobody ended: what they say, what they had to, and the dead letters there are. */
  quiet: { counted: CallCounts; called: CallCounts; deadLetters: number }
  /** Of the records that were sent, those that always fail. */
  doomed: number
}

const PARTITIONS = 4
const KEYS = 200
const CONCURRENCY = 16
const BATCH_EVERY_MS = 50
const FATES = { failOncePercent: 5, failAlwaysPercent: 1 }
/** Between two commits, and until a dispatcher that was killed is missed by nobody. */
const COMMIT_INTERVAL_MS = 1_000

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const directory = mkdtempSync(join(tmpdir(), 'dormouse-soak-'))
  const tokenFile = join(directory, 'token')
  writeFileSync(tokenFile, FAKE_TOKEN)
  const { brokers, callMs = 1 } = options
  const controller = await FakeController.start()
  const log = openKafkaEventLog({ brokers, logger: silentLogger })
  const fleet = new DispatcherFleet({ controllerUrl: controller.url, tokenFile, directory, brokers })
  const pod = fork(new URL('./pod.ts', import.meta.url), [...Object.values(FATES), callMs].map(String))
  try {
    return await run({ ...options, controller, log, fleet, pod })
  } finally {
    await fleet.stop()
    pod.kill('SIGKILL')
    await log.close()
    await controller.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

interface Parts extends SoakOptions {
  controller: FakeController
  log: EventLog
  fleet: DispatcherFleet
  pod: ChildProcess
}

async function run(parts: Parts): Promise<SoakResult> {
  const { controller, log, fleet, name, records, durationMs, disturb } = parts
  const feed = await setUp(parts)
  fleet.start()
  fleet.start()
  const sending = sendEvenly(log, { topic: name, records, durationMs })
  // Whoever disturbs may fail before: that is what is to be heard of.
  sending.catch(() => undefined)
  const endings = await disturb({ fleet, controller, log, topic: name, sending })
  const sent = await sending
  const before = await settled(parts, feed)
  const quiet = Array.from({ length: parts.quietRecords ?? 0 }, (_, n) => nameOf({ key: `quiet${n % KEYS}`, n }))
  const batch = quiet.map((each) => recordOf(name, each))
  await sendUntilStored(log, batch)
  for (const each of quiet) sent.add(each)
  const { calls, deadLetters, counts } = await settled(parts, feed)
  return {
    ...account({ sent, calls, deadLetters }),
    ...{ endings, dispatchers: fleet.size, crashes: fleet.crashes, counts, called: countsOfCalls(calls) },
    perEnding: CONCURRENCY + Math.ceil((records / durationMs) * COMMIT_INTERVAL_MS * 2),
    quiet: {
      counted: countsSince(counts, before.counts),
      called: countsOfCalls(calls.slice(before.calls.length)),
      deadLetters: deadLetters.length - before.deadLetters.length,
    },
    doomed: [...sent].filter((each) => fateOf(each, FATES) === 'fails-always').length,
  }
}

/** What there is to see once all is done, and all dispatchers can be asked. */
async function settled({ log, fleet, pod, name, settleWithinMs = 120_000 }: Parts, feed: FeedSubscription) {
  const patience = { withinMs: settleWithinMs, everyMs: 500 }
  await eventually('all of it to be committed', () => isDone(log, name, feed), patience)
  const scrapes = await eventually(
    'all dispatchers to tell of it',
    async () => {
      const found = await fleet.scrapes()
      return found.length === fleet.size && found
    },
    patience,
  )
  return {
    calls: await callsOf(pod),
    deadLetters: await seenIn(log, deadLetterTopic({ kind: 'trigger', key: feed.trigger })),
    counts: countsOf(scrapes, feed.trigger),
  }
}

async function setUp({ controller, log, pod, name, ordering = 'key' }: Parts): Promise<FeedSubscription> {
  const [{ port }] = (await once(pod, 'message')) as [{ port: number }]
  const feed = feedSubscription({
    ...{ trigger: `default/${name}`, uid: `${name}-uid`, topics: [name], ordering },
    retry: {
      maxAttempts: RETRY_DELAYS_MS.length + 1,
      backoff: { initialMs: RETRY_DELAYS_MS[0], factor: 2, maxMs: 1_000 },
      maxAgeMs: 3_600_000,
    },
  })
  controller.setFunctions(
    feedFunction({ key: 'default/hello', signature: 'event', concurrency: CONCURRENCY, maxPods: 1 }),
  )
  controller.addEndpoints({
    ...{ id: 'pod-1', pod: 'pod-1', function: 'default/hello', revision: 'r1', dataKey: 'soak-key' },
    ...{ address: `127.0.0.1:${port}`, acknowledges: true },
  })
  await log.ensureTopics([{ topic: name, partitions: PARTITIONS }])
  controller.setSubscriptions(feed)
  return feed
}

async function sendEvenly(
  log: EventLog,
  { topic, records, durationMs }: { topic: string; records: number; durationMs: number },
): Promise<Set<RecordName>> {
  const sent = new Set<RecordName>()
  const next = new Map<string, number>()
  const startedMs = performance.now()
  while (sent.size < records) {
    const due = Math.min(records, Math.ceil(((performance.now() - startedMs + BATCH_EVERY_MS) / durationMs) * records))
    const batch: RecordName[] = []
    while (sent.size < due) {
      const key = `k${Math.floor(Math.random() * KEYS)}`
      const n = next.get(key) ?? 0
      next.set(key, n + 1)
      batch.push(`${key}/${n}`)
      sent.add(`${key}/${n}`)
    }
    await sendUntilStored(
      log,
      batch.map((name) => recordOf(topic, name)),
    )
    await delay(BATCH_EVERY_MS)
  }
  return sent
}

/** As a careful producer does: what was sent twice is the same record twice, and counts as handled twice by nobody's fault. */
async function sendUntilStored(log: EventLog, records: readonly NewRecord[]): Promise<void> {
  for (;;) {
    try {
      await log.send(records)
      return
    } catch (error) {
      if (!(error instanceof EventLogError) || error.code !== 'unavailable') throw error
      await delay(BATCH_EVERY_MS)
    }
  }
}

function recordOf(topic: string, name: RecordName) {
  const [key = '', n] = name.split('/')
  return { topic, key: Buffer.from(key), value: Buffer.from(JSON.stringify({ key, n: Number(n) })), headers: [] }
}

/** The source, and the retry tiers behind it. */
export async function isDone(log: EventLog, topic: string, feed: FeedSubscription): Promise<boolean> {
  const group = triggerGroup(feed.trigger, feed.uid)
  const all = (await log.describe()).map((each) => each.topic)
  const tiers = tiersAmong(all, { kind: 'trigger', key: feed.trigger })
  const read = [[topic, group], ...tiers.map((tier) => [tier, retryGroup(group)])] as [string, string][]
  const done = await Promise.all(read.map(([each, of]) => isCommitted(log, each, of)))
  return done.every((each) => each)
}

async function isCommitted(log: EventLog, topic: string, group: string): Promise<boolean> {
  const [ends, committed] = await Promise.all([log.endOffsets(topic), log.committed(group, [topic])])
  return ends.every(({ partition, end }) => {
    const at = committed.find((each) => each.partition === partition)
    return end === 0 || (at !== undefined && at.offset >= end)
  })
}

async function callsOf(pod: ChildProcess): Promise<SeenCall[]> {
  pod.send('calls')
  const [{ calls }] = (await once(pod, 'message')) as [{ calls: SeenCall[] }]
  return calls
}

async function seenIn(log: EventLog, topic: string): Promise<Seen[]> {
  const seen: Seen[] = []
  await readToEnd({
    log,
    ...{ topics: [topic], group: `count-${topic}-${Math.random()}` },
    onRecords: (records) => {
      for (const { value, headers } of records) {
        const record = JSON.parse(value?.toString() ?? '') as { key: string; n: number }
        seen.push({ ...record, deliveryId: textOf(headers, EVENT_HEADER.deliveryId) ?? '' })
      }
    },
  })
  return seen
}
