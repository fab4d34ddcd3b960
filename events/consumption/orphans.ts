/**
 * Records in a retry tier that wait for an earlier Trigger of the same name. Whoever saw that one go has made them dead letters; where no
 * dispatcher ran then, that is done later.
 */
import type { Clock } from '../../lib/clock.ts'
import { errorText } from '../../lib/error-text.ts'
import { decodeMarks } from '../commit-metadata.ts'
import type { DeliveryOutcome, Failure } from '../delivery.ts'
import { partitionName, type EventLog, type LogRecord } from '../event-log.ts'
import type { RecordMeta } from '../record-headers.ts'
import { retryGroup, triggerGroup } from '../topic-names.ts'
import type { Entry } from './entry.ts'
import type { PartitionWorker } from './partition-worker.ts'

/** What is younger may be of a Trigger that the feed does not show here yet: feeds are behind by moments, clocks by seconds. */
const FEED_LAG_MS = 60_000
const RETRY_MS = 1_000
/** What was not done when it was asked is asked again after this. */
const FRESH_MS = 1_000

interface Known {
  askedMs: number
  /** By partition. */
  done: ReadonlyMap<string, { offset: number; beyond: ReadonlySet<number> }>
}

/** moved: its own dispatchers have dealt with it · news: its Trigger may be one the feed does not show here yet · left: nobody will. */
export type OrphanFate = { kind: 'moved' } | { kind: 'news'; forMs: number } | { kind: 'left' }

export interface OrphansOptions {
  log: Pick<EventLog, 'committed'>
  clock: Clock
  wall: Pick<Clock, 'now'>
  /** `namespace/name` of the Triggers. */
  key: string
}

/** What earlier Triggers of one name have done with their tiers; asks once per topic and Trigger, not per record. */
export class Orphans {
  readonly #options: OrphansOptions
  readonly #known = new Map<string, Promise<Known>>()

  constructor(options: OrphansOptions) {
    this.#options = options
  }

  /** Throws EventLogError. */
  async fateOf(record: LogRecord, uid: string): Promise<OrphanFate> {
    if (await this.#isMoved(record, uid)) return { kind: 'moved' }
    const forMs = FEED_LAG_MS - (this.#options.wall.now() - record.timestampMs)
    return forMs > 0 ? { kind: 'news', forMs } : { kind: 'left' }
  }

  async #isMoved(record: LogRecord, uid: string): Promise<boolean> {
    const name = `${uid} ${record.topic}`
    for (;;) {
      const asking = this.#known.get(name) ?? this.#ask(record.topic, uid)
      this.#known.set(name, asking)
      const known = await asking.catch((error: unknown) => {
        this.#forget(name, asking)
        throw error
      })
      if (has(known, record)) return true
      if (this.#options.clock.now() - known.askedMs < FRESH_MS) return false
      this.#forget(name, asking)
    }
  }

  #forget(name: string, asking: Promise<Known>): void {
    if (this.#known.get(name) === asking) this.#known.delete(name)
  }

  async #ask(topic: string, uid: string): Promise<Known> {
    const { log, clock, key } = this.#options
    const committed = await log.committed(retryGroup(triggerGroup(key, uid)), [topic])
    const done = committed.map(
      (each) =>
        [
          partitionName(each),
          { offset: each.offset, beyond: new Set(decodeMarks(each.metadata, each.offset).done) },
        ] as const,
    )
    return { askedMs: clock.now(), done: new Map(done) }
  }
}

function has({ done }: Known, record: LogRecord): boolean {
  const known = done.get(partitionName(record))
  return known !== undefined && (record.offset < known.offset || known.beyond.has(record.offset))
}

export async function outcomeOfOrphan(worker: PartitionWorker, entry: Entry, uid: string): Promise<DeliveryOutcome> {
  try {
    const fate = await worker.options.state.orphans.fateOf(entry.record, uid)
    if (fate.kind === 'moved') return { kind: 'duplicate' }
    if (fate.kind === 'news') return { kind: 'later', afterMs: Math.min(FEED_LAG_MS, fate.forMs) }
  } catch (error) {
    const reason = `what became of an earlier Trigger of this name cannot be seen: ${errorText(error)}`
    return { kind: 'held', reason, retryAfterMs: RETRY_MS }
  }
  return { kind: 'rejected', failure: failureOfOrphan(entry.meta) }
}

export function failureOfOrphan({ failure: last }: Pick<RecordMeta, 'failure'>): Failure {
  const before = last ? `; last (${last.class}): ${last.message}` : ''
  return { class: 'expired', message: `its Trigger was deleted while it waited for a retry${before}` }
}
