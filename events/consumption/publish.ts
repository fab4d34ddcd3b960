/** Stores what records become: tried on for as long as it takes, but for what the log will never take as it is. */
import { backoffMs } from '../../lib/backoff.ts'
import { pause } from '../../lib/pause.ts'
import { EventLogError, isTooLarge, type NewRecord } from '../event-log.ts'
import { LETTER_FORMS, type DeadLetter } from '../hop-record.ts'
import type { PartitionWorker } from './partition-worker.ts'

/** gone: the partition was taken away before it could be stored; its next owner gets the record again. */
export type Published = 'stored' | 'too-large' | 'gone'

const PUBLISH_RETRY = { firstMs: 500, longestMs: 30_000 }

/** In parts when it does not fit as one: then `stored` or `gone`. */
export async function publishDeadLetter(worker: PartitionWorker, letter: DeadLetter): Promise<Published> {
  const { offset } = letter.record
  let published: Published = 'too-large'
  for (const [index, formOf] of LETTER_FORMS.entries()) {
    published = await publishAll(worker, {
      offset,
      records: formOf(letter),
      mustFit: index === LETTER_FORMS.length - 1,
    })
    if (published !== 'too-large') break
  }
  return published
}

interface Storing {
  /** Of the record that they are made of. */
  offset: number
  /** Of one topic. */
  records: readonly NewRecord[]
  mustFit: boolean
}

async function publishAll(worker: PartitionWorker, { records, ...of }: Storing): Promise<Published> {
  // All parts and the commit as one.
  if (worker.handOvers.isOffered) return store(worker, { records, ...of })
  for (const record of records) {
    const published = await store(worker, { records: [record], ...of })
    if (published !== 'stored') return published
  }
  return 'stored'
}

/** `offset`: of the record that it is made of. */
export function publish(worker: PartitionWorker, offset: number, record: NewRecord): Promise<Published> {
  return store(worker, { offset, records: [record], mustFit: false })
}

async function store(worker: PartitionWorker, { offset, records, mustFit }: Storing): Promise<Published> {
  const { engine, state } = worker.options
  const topic = records[0]?.topic ?? ''
  for (let failures = 1; !worker.isGone; failures++) {
    try {
      await state.ensureTopic(topic)
      if (worker.handOvers.isOffered) await worker.handOvers.add(offset, records)
      else await engine.log.send(records)
      return 'stored'
    } catch (error) {
      if (!mustFit && isTooLarge(error)) return 'too-large'
      state.stats.publishFailures++
      if (isLost(error)) return 'gone'
      if (failures === 1 || failures % 10 === 0)
        engine.logger.error('a record cannot be moved, so it stays', { topic, failures, error })
      await pause(engine.clock, backoffMs(failures, PUBLISH_RETRY), worker.signal)
    }
  }
  return 'gone'
}

/** The partition is being taken away, and with it the record. */
function isLost(error: unknown): boolean {
  return error instanceof EventLogError && error.code === 'not-assigned'
}
