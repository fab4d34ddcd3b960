/**
 * Ticks of cron Triggers: for every due time one record in the Trigger's own topic, however many replicas run. Owns `lastScheduleTime`
 * and `followedSchedule`; promises claim before record (decide.ts); leaves calling the function to dispatchers, and telling users of bad
 * schedules to triggers/. Waits are looked at again after a minute at the latest, so that a clock that jumps is seen.
 */
import { TRIGGERS } from '../../api/kinds.ts'
import { keyOf, splitKey, type ObjectKey } from '../../api/names.ts'
import type { Trigger, TriggerStatus } from '../../api/trigger.ts'
import type { Cache, Cluster } from '../../kube/cluster.ts'
import { createControlLoop, done, requeueAfter, stale } from '../../kube/control-loop.ts'
import type { ControlLoop, ControlLoopMetrics, Outcome } from '../../kube/control-loop.ts'
import { rfc3339 } from '../../kube/rfc3339.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import { whileLeading, type Leadership } from '../leadership.ts'
import { StatusWriter } from '../status-writer.ts'
import { CronMemory } from './cron-memory.ts'
import { cronTriggerOf, type CronTrigger } from './cron-trigger.ts'
import { decide, type CronDecision } from './decide.ts'
import { ScheduleError } from './schedule.ts'
import type { TickLog } from './tick-log.ts'

export interface CronControllerOptions {
  cluster: Pick<Cluster, 'patchStatus' | 'recordEvent'>
  triggers: Cache<Trigger>
  ticks: TickLog
  /** Epoch milliseconds. */
  clock: Clock
  logger: Logger
  loopMetrics?: ControlLoopMetrics
  /** Default: it leads. */
  leadership?: Leadership
}

export interface CronController {
  /** Settles when the cache has synced. */
  start(): Promise<void>
  stop(): Promise<void>
}

export function createCronController(options: CronControllerOptions): CronController {
  return new TickController(options)
}

const LONGEST_WAIT_MS = 60_000
const BACKOFF = { firstMs: 100, longestMs: 30_000 }

interface Subject {
  object: Trigger
  trigger: CronTrigger
  memory: CronMemory
}

type Decision<K extends CronDecision['kind']> = Extract<CronDecision, { kind: K }>

class TickController implements CronController {
  readonly #options: CronControllerOptions
  readonly #loop: ControlLoop
  readonly #statuses: StatusWriter<TriggerStatus, Trigger>
  readonly #memories = new Map<string, CronMemory>()
  #unsubscribe: () => void = () => undefined

  constructor(options: CronControllerOptions) {
    const { cluster, logger, clock, loopMetrics } = options
    this.#options = options
    this.#statuses = new StatusWriter(cluster, TRIGGERS)
    this.#loop = createControlLoop({
      name: 'cron',
      reconcile: whileLeading((key) => this.#reconcile(key as ObjectKey), options),
      concurrency: 8,
      backoff: BACKOFF,
      logger,
      clock,
      ...(loopMetrics && { metrics: loopMetrics }),
    })
  }

  async start(): Promise<void> {
    const { triggers } = this.#options
    await triggers.synced
    const changed = (trigger: Trigger) => this.#loop.add(keyOf(trigger.metadata))
    this.#unsubscribe = triggers.subscribe({ added: changed, updated: changed, deleted: changed })
    this.#loop.start()
  }

  async stop(): Promise<void> {
    this.#unsubscribe()
    await this.#loop.stop()
  }

  async #reconcile(key: ObjectKey): Promise<Outcome> {
    const object = this.#options.triggers.get(splitKey(key))
    const trigger = object && cronTriggerOf(object)
    await this.#forgetFormer(key, trigger)
    if (object === undefined || trigger === undefined) return done
    const memory = this.#memories.get(key) ?? new CronMemory(trigger)
    this.#memories.set(key, memory)
    try {
      return await this.#advance({ object, trigger, memory })
    } catch (error) {
      // Its condition tells.
      if (error instanceof ScheduleError) return done
      throw error
    }
  }

  /** A Trigger that is gone, or is no cron Trigger any more, takes its ticks with it. */
  async #forgetFormer(key: ObjectKey, trigger: CronTrigger | undefined): Promise<void> {
    const former = this.#memories.get(key)
    if (former === undefined || former.uid === trigger?.uid) return
    // One that took its place makes the topic its own: it may have ticked already, through another replica.
    if (trigger === undefined) await this.#options.ticks.remove(key)
    this.#statuses.forget(former.uid)
    this.#memories.delete(key)
  }

  /** One step; what is left comes with the next. */
  async #advance(subject: Subject): Promise<Outcome> {
    const { ticks, clock } = this.#options
    const hindrance = await this.#follow(subject)
    if (hindrance !== undefined) return hindrance
    const { object, trigger, memory } = subject
    const claimedMs = timeOf(this.#statuses.current(object)?.lastScheduleTime)
    const decision = decide(memory.observe(trigger, claimedMs, clock.now()), clock.now())
    if (!memory.isPrepared && claimedMs === undefined) await ticks.prepare(trigger.key, trigger.createdAtMs)
    memory.isPrepared = true
    switch (decision.kind) {
      case 'wait':
        return this.#wait(subject, decision)
      case 'claim':
        return this.#claim(subject, decision)
      case 'check':
        return this.#check(subject, decision.dueMs)
      case 'giveUp':
        memory.settled(decision.dueMs)
        return requeueAfter(0)
    }
  }

  /** Written before anything is decided by it: whoever leads next must not take a time before the change for a missed one. */
  async #follow({ object, trigger, memory }: Subject): Promise<Outcome | undefined> {
    const status = this.#statuses.current(object)
    const followed = memory.follow(trigger, status?.followedSchedule, this.#options.clock.now())
    if (followed.isTold) return undefined
    const { schedule, timezone } = trigger
    const followedSchedule = { schedule, timezone, since: rfc3339(followed.sinceMs) }
    const outcome = await this.#statuses.write(object, { ...status, followedSchedule })
    if (outcome === 'conflict') return stale
    if (outcome === 'gone') return done
    followed.isTold = true
    return undefined
  }

  async #wait(subject: Subject, { untilMs, missedMs }: Decision<'wait'>): Promise<Outcome> {
    if (missedMs !== undefined && missedMs !== subject.memory.missedMs) {
      subject.memory.missedMs = missedMs
      await this.#tellMissed(subject, missedMs)
    }
    if (untilMs === undefined) return done
    return requeueAfter(Math.min(LONGEST_WAIT_MS, untilMs - this.#options.clock.now()))
  }

  async #claim({ object, trigger, memory }: Subject, { dueMs, skipped }: Decision<'claim'>): Promise<Outcome> {
    const status = { ...this.#statuses.current(object), lastScheduleTime: rfc3339(dueMs) }
    const outcome = await this.#statuses.write(object, status)
    if (outcome === 'conflict') return stale
    if (outcome === 'gone') return done
    memory.claimed(dueMs)
    if (skipped) this.#say('several ticks were missed: only the last is made up for', trigger, dueMs)
    await this.#options.ticks.store({ ...trigger, dueMs })
    memory.settled(dueMs)
    return requeueAfter(0)
  }

  async #check({ trigger, memory }: Subject, dueMs: number): Promise<Outcome> {
    const { ticks } = this.#options
    const tick = { ...trigger, dueMs }
    if (!(await ticks.has(tick))) {
      this.#say('a tick was claimed but not stored: stored now', trigger, dueMs)
      await ticks.store(tick)
    }
    memory.settled(dueMs)
    return requeueAfter(0)
  }

  async #tellMissed({ object, trigger }: Subject, dueMs: number): Promise<void> {
    const message = `The tick of ${rfc3339(dueMs)} was missed, and startingDeadline had passed when it could be made up for.`
    this.#say('a tick was missed by more than its startingDeadline', trigger, dueMs)
    await this.#options.cluster.recordEvent({ regarding: object, type: 'Warning', reason: 'MissedSchedule', message })
  }

  #say(message: string, { key }: CronTrigger, dueMs: number): void {
    this.#options.logger.warn(message, { trigger: key, dueAt: rfc3339(dueMs) })
  }
}

function timeOf(text: string | undefined): number | undefined {
  const epochMs = text === undefined ? NaN : Date.parse(text)
  return Number.isNaN(epochMs) ? undefined : epochMs
}
