/** Stores what records become: tried on for as long as it takes, but for what the log will never take as it is. */
import { backoffMs } from '../../lib/backoff.ts'
import { pause } from '../../lib/pause.ts'
import { isTooLarge, type NewRecord } from '../event-log.ts'
import { LETTER_FORMS, type DeadLetter } from '../hop-record.ts'
import type { PartitionWorker } from './partition-worker.ts'

/** gone: the partition was taken away before it could be stored; its next owner gets the record again. */
export type Published = 'stored' | 'too-large' | 'gone'

const PUBLISH_RETRY = { firstMs: 500, longestMs: 30_000 }

/** In parts when it does not fit as one: then `stored` or `gone`. */
export async function publishDeadLetter(worker: PartitionWorker, letter: DeadLetter): Promise<Published> {
  let published: Published = 'too-large'
  for (const [index, formOf] of LETTER_FORMS.entries()) {
    const isLast = index === LETTER_FORMS.length - 1
    published = await publishAll(worker, formOf(letter), isLast ? 'must fit' : 'may be too large')
    if (published !== 'too-large') break
  }
  return published
}

async function publishAll(
  worker: PartitionWorker,
  records: readonly NewRecord[],
  size: 'may be too large' | 'must fit' = 'may be too large',
): Promise<Published> {
  for (const record of records) {
    const published = await publish(worker, record, size)
    if (published !== 'stored') return published
  }
  return 'stored'
}

export async function publish(
  worker: PartitionWorker,
  record: NewRecord,
  size: 'may be too large' | 'must fit' = 'may be too large',
): Promise<Published> {
  const { engine, state } = worker.options
  for (let failures = 1; !worker.isGone; failures++) {
    try {
      await state.ensureTopic(record.topic)
      await engine.log.send([record])
      return 'stored'
    } catch (error) {
      if (size !== 'must fit' && isTooLarge(error)) return 'too-large'
      state.stats.publishFailures++
      if (failures === 1 || failures % 10 === 0)
        engine.logger.error('a record cannot be moved, so it stays', { topic: record.topic, failures, error })
      await pause(engine.clock, backoffMs(failures, PUBLISH_RETRY), worker.signal)
    }
  }
  return 'gone'
}
