/** Dispatchers as processes on the Kafka of this run, between a fake controller and fake pods: for faults around records. */
import { afterAll, beforeAll, expect, jest } from '@jest/globals'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel, type Admin } from 'kafkajs'
import { EVENT_HEADER } from '../../../api/names.ts'
import type { FeedFunction, FeedSubscription } from '../../../api/protocol.ts'
import type { EventLog, LogRecord, NewRecord } from '../../../events/event-log.ts'
import { openKafkaEventLog } from '../../../events/kafka/kafka-event-log.ts'
import { readToEnd } from '../../../events/read-topic.ts'
import { deadLetterTopic, tiersAmong, triggerGroup } from '../../../events/topic-names.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { eventually } from '../../builders/eventually.ts'
import { feedFunction, feedSubscription } from '../../builders/feed.ts'
import { HANDS_OVER } from '../../builders/hands-over.ts'
import { KAFKA_START_MS, kafkaForTests, sharedKafka, type TestKafka } from '../../builders/kafka-brokers.ts'
import { FAKE_TOKEN, FakeController } from '../../fakes/fake-controller.ts'
import { FakePod } from '../../fakes/fake-pod.ts'
import { DispatcherFleet } from '../../soak/dispatchers.ts'
import { countsOf, type EventCounts } from '../../soak/event-counts.ts'
import { isDone } from '../../soak/soak.ts'

export interface Call {
  body: Buffer
  attempt: number
  deliveryId: string
  atMs: number
  headers: Record<string, unknown>
}

/** How the function answers. */
export type Answer = (call: Call, response: ServerResponse) => void

export interface OfATrigger {
  feed?: Partial<FeedSubscription>
  fn?: Partial<FeedFunction>
  partitions?: number
  answer?: Answer
  /** The feed knows neither the function nor a pod of it yet. */
  isMissing?: boolean
}

export interface Triggered {
  readonly topic: string
  readonly feed: FeedSubscription
  readonly fn: FeedFunction
  readonly pod: FakePod
  /** Calls that reached the handler, in order. */
  readonly calls: Call[]
  readonly bodies: () => string[]
  /** The feed tells of the function and its pod. */
  appear(): void
  send(...records: (string | Partial<NewRecord>)[]): Promise<unknown>
  /** Everything is committed, in the source and in the tiers behind it. */
  done(withinMs?: number): Promise<unknown>
  deadLetters(): Promise<LogRecord[]>
  /** What the metrics of the dispatchers that run say of it. */
  counts(): Promise<EventCounts>
}

export interface DispatchersBed {
  readonly brokers: readonly string[]
  readonly log: EventLog
  readonly controller: FakeController
  readonly fleet: DispatcherFleet
  /** Where the bed has one of its own. */
  readonly kafka: TestKafka | undefined
  /** Another client than ours. */
  admin<T>(does: (admin: Admin) => Promise<T>): Promise<T>
  /** A Trigger, its topic, its function and a pod of it. */
  trigger(name: string, of?: OfATrigger): Promise<Triggered>
  /** The feed has it no more; or one of the same name with another uid. */
  replace(world: Triggered, next?: FeedSubscription): void
}

export const ok = (_call: Call, response: ServerResponse) =>
  void response.writeHead(200, { 'content-type': 'application/json' }).end('"ok"')

export const fails = (_call: Call, response: ServerResponse) =>
  void response.writeHead(500, { 'content-type': 'application/json' }).end('{"errorMessage":"as told"}')

export const numbered = (count: number) => Array.from({ length: count }, (_, n) => String(n))

/**
 * Call inside describe. All its tests share the dispatchers, and fail when one of them ends by itself. `nodes`: on a Kafka of their own with so
 * many brokers.
 */
export function useDispatchers({
  count = 1,
  nodes,
  transactions = HANDS_OVER,
}: { count?: number; nodes?: 1 | 3; transactions?: boolean } = {}): DispatchersBed {
  const directory = mkdtempSync(join(tmpdir(), 'dormouse-faults-'))
  const subscriptions: FeedSubscription[] = []
  const pods: FakePod[] = []
  let parts: Pick<DispatchersBed, 'brokers' | 'log' | 'controller' | 'fleet'>
  let own: TestKafka | undefined
  let starting: Promise<TestKafka> | undefined
  jest.setTimeout(240_000)
  beforeAll(async () => {
    if (nodes !== undefined) own = await (starting = kafkaForTests({ nodes }))
    const { brokers } = own ?? (await sharedKafka())
    const tokenFile = join(directory, 'token')
    writeFileSync(tokenFile, FAKE_TOKEN)
    const controller = await FakeController.start()
    const log = openKafkaEventLog({ brokers, logger: silentLogger })
    const fleet = new DispatcherFleet({ controllerUrl: controller.url, tokenFile, directory, brokers, transactions })
    for (let n = 0; n < count; n++) fleet.start()
    parts = { brokers, log, controller, fleet }
  }, 2 * KAFKA_START_MS)
  afterAll(async () => {
    await parts?.fleet.stop()
    await Promise.all([parts?.log.close(), parts?.controller.stop(), ...pods.map((pod) => pod.stop())])
    // One that starts too late for its tests is to be ended, too.
    await (await starting?.catch(() => undefined))?.stop()
    rmSync(directory, { recursive: true, force: true })
    expect(parts?.fleet.crashes).toEqual([])
  }, KAFKA_START_MS)
  const bed: DispatchersBed = {
    get brokers() {
      return parts.brokers
    },
    get log() {
      return parts.log
    },
    get controller() {
      return parts.controller
    },
    get fleet() {
      return parts.fleet
    },
    get kafka() {
      return own
    },
    admin: async (does) => {
      const admin = new Kafka({ brokers: [...parts.brokers], logLevel: logLevel.NOTHING }).admin()
      await admin.connect()
      return does(admin).finally(() => admin.disconnect())
    },
    trigger: async (name, of = {}) => {
      const made = await triggered(parts, `${name}-${Date.now().toString(36)}`, of)
      pods.push(made.pod)
      if (of.isMissing !== true) made.appear()
      subscriptions.push(made.feed)
      parts.controller.setSubscriptions(...subscriptions)
      return made
    },
    replace: ({ feed }, next) => {
      const at = subscriptions.findIndex(({ trigger }) => trigger === feed.trigger)
      subscriptions.splice(at, 1, ...(next === undefined ? [] : [next]))
      parts.controller.setSubscriptions(...subscriptions)
    },
  }
  return bed
}

async function triggered(
  { log, controller, fleet }: Pick<DispatchersBed, 'log' | 'controller' | 'fleet'>,
  topic: string,
  { partitions = 2, answer = ok, ...part }: OfATrigger,
): Promise<Triggered> {
  const key = `default/fn-${topic}` as const
  const fn = feedFunction({ key, uid: `${key}-uid`, signature: 'event', maxPods: 1, ...part.fn })
  const feed = feedSubscription({
    ...{ trigger: `default/${topic}`, uid: `${topic}-uid`, function: key, topics: [topic] },
    ...part.feed,
  })
  const calls: Call[] = []
  const pod = await FakePod.start({
    ...{ function: key, id: `pod-of-${topic}` },
    script: ({ headers }, response, body) => {
      const [id, attempt] = [headers[EVENT_HEADER.deliveryId], Number(headers[EVENT_HEADER.attempt])]
      const call = { body, attempt, deliveryId: String(id), atMs: Date.now(), headers }
      calls.push(call)
      answer(call, response)
    },
  })
  await log.ensureTopics([{ topic, partitions }])
  return {
    ...{ topic, feed, fn, pod, calls, bodies: () => calls.map(({ body }) => body.toString()) },
    appear: () => {
      controller.setFunctions(fn)
      controller.addEndpoints(pod.endpoint)
    },
    send: (...records) =>
      log.send(
        records.map((record) => ({
          ...{ topic, key: null, value: typeof record === 'string' ? Buffer.from(record) : null, headers: [] },
          ...(typeof record === 'string' ? {} : record),
        })),
      ),
    done: (withinMs = 60_000) =>
      eventually('all of it to be committed', () => isDone(log, topic, feed), { withinMs, everyMs: 200 }),
    counts: async () => countsOf(await fleet.scrapes(), feed.trigger),
    deadLetters: () => readAll(log, deadLetterTopic({ kind: 'trigger', key: feed.trigger })),
  }
}

/** Member ids of the sources' group, once there are so many and the last rebalance is over; a member left behind gets a new one. */
export async function joined({ admin }: DispatchersBed, { feed, topic }: Triggered, count: number): Promise<string[]> {
  const group = triggerGroup(feed.trigger, feed.uid)
  const members = async () => {
    const { groups } = await admin((each) => each.describeGroups([group]))
    const [found] = groups
    return found?.state === 'Stable' && found.members.length === count && found.members.map((m) => m.memberId).sort()
  }
  return eventually(`${count} dispatchers to read ${topic}`, members, { withinMs: 60_000, everyMs: 300 })
}

/** Records that are, or were, in the retry tiers: metrics count a retry before it is stored, and offsets count markers of transactions. */
export async function storedInTiers(log: EventLog, { feed }: Triggered): Promise<number> {
  const topics = (await log.describe()).map(({ topic }) => topic)
  const tiers = tiersAmong(topics, { kind: 'trigger', key: feed.trigger })
  return (await Promise.all(tiers.map((tier) => readAll(log, tier)))).flat().length
}

export async function readAll(log: EventLog, topic: string): Promise<LogRecord[]> {
  const all: LogRecord[] = []
  const group = `count-${topic}-${Math.random().toString(36).slice(2)}`
  await readToEnd({ log, topics: [topic], group, onRecords: (records) => void all.push(...records) })
  return all
}
