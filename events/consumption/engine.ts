/** What all consumptions of one dispatcher share: the log, who handles records, clocks and bounds. */
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import { SparingLog } from '../../lib/sparing-log.ts'
import type { Deliverer, DeliveryOutcome, Failure } from '../delivery.ts'
import type { EventLog, LogRecord } from '../event-log.ts'
import type { RecordMeta } from '../record-headers.ts'
import type { Subscription } from '../subscription.ts'
import { Scheduler } from './scheduler.ts'
import { TopicList } from './topic-list.ts'

export interface EngineLimits {
  /** Of one partition: above, it is paused until half is left. */
  bufferedRecords: number
  bufferedBytes: number
  /** Of the whole process. */
  totalBufferedBytes: number
  /** How long what runs may go on when its partition is taken away. */
  revokeGraceMs: number
  commitIntervalMs: number
  commitEvery: number
}

export const DEFAULT_ENGINE_LIMITS: EngineLimits = {
  bufferedRecords: 1_000,
  bufferedBytes: 8 * 1024 * 1024,
  totalBufferedBytes: 128 * 1024 * 1024,
  revokeGraceMs: 5_000,
  commitIntervalMs: 1_000,
  commitEvery: 1_000,
}

interface EndOf {
  subscription: Subscription
  record: LogRecord
  meta: RecordMeta
  /** The last one. */
  attempt: number
}

/** How an attempt ended for good, or until a retry that is stored. */
export type RecordEnd =
  | (EndOf & { kind: 'done'; outcome: Extract<DeliveryOutcome, { kind: 'done' }> })
  | (EndOf & { kind: 'retry'; failure: Failure; dueMs: number })
  | (EndOf & { kind: 'deadLetter'; failure: Failure; error?: Buffer | undefined })

export interface EngineOptions {
  log: EventLog
  deliverer: Deliverer
  /** For waits and durations. */
  clock: Clock
  /** Epoch milliseconds: for due times and ages. */
  wall: Pick<Clock, 'now'>
  logger: Logger
  limits?: Partial<EngineLimits>
  /** Told before the record is acknowledged: what it returns is waited for, its failure is only logged. Undefined: nothing to wait for. */
  onEnd?: (end: RecordEnd) => Promise<void> | undefined
}

export class Engine {
  readonly log: EventLog
  readonly deliverer: Deliverer
  readonly clock: Clock
  readonly wall: Pick<Clock, 'now'>
  readonly logger: Logger
  /** For what all consumers meet at once when the log is away. */
  readonly sparingLog: SparingLog
  readonly limits: EngineLimits
  readonly scheduler: Scheduler
  readonly topicList: TopicList
  readonly onEnd: EngineOptions['onEnd']
  /** In all buffers. */
  bufferedBytes = 0
  /** To be told when there is room again. */
  readonly pausedBuffers = new Set<() => void>()

  constructor({ log, deliverer, clock, wall, logger, limits, onEnd }: EngineOptions) {
    this.onEnd = onEnd
    this.log = log
    this.deliverer = deliverer
    this.clock = clock
    this.wall = wall
    this.logger = logger
    this.sparingLog = new SparingLog({ logger, clock })
    this.limits = { ...DEFAULT_ENGINE_LIMITS, ...limits }
    this.scheduler = new Scheduler(deliverer)
    this.topicList = new TopicList({ log, clock })
  }
}
