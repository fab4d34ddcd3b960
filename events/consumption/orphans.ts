/**
 * Records in a retry tier that wait for an earlier Trigger of the same name. Whoever saw that one go has made them dead letters; where no
 * dispatcher ran then, that is done now.
 */
import { errorText } from '../../lib/error-text.ts'
import { decodeMarks } from '../commit-metadata.ts'
import type { DeliveryOutcome } from '../delivery.ts'
import { retryGroup, triggerGroup } from '../topic-names.ts'
import type { Entry } from './entry.ts'
import type { PartitionWorker } from './partition-worker.ts'

const RETRY_MS = 1_000

export async function outcomeOfOrphan(worker: PartitionWorker, entry: Entry, uid: string): Promise<DeliveryOutcome> {
  try {
    if (await isMoved(worker, entry, uid)) return { kind: 'duplicate' }
  } catch (error) {
    const reason = `what became of an earlier Trigger of this name cannot be seen: ${errorText(error)}`
    return { kind: 'held', reason, retryAfterMs: RETRY_MS }
  }
  const last = entry.meta.failure
  const message = `its Trigger was deleted while it waited for a retry${last ? `; last (${last.class}): ${last.message}` : ''}`
  return { kind: 'rejected', failure: { class: 'expired', message } }
}

async function isMoved(worker: PartitionWorker, { record }: Entry, uid: string): Promise<boolean> {
  const { engine, state } = worker.options
  const group = retryGroup(triggerGroup(state.subscription.key, uid))
  const committed = (await engine.log.committed(group, [record.topic])).find(
    ({ partition }) => partition === record.partition,
  )
  if (committed === undefined) return false
  return (
    record.offset < committed.offset || decodeMarks(committed.metadata, committed.offset).done.includes(record.offset)
  )
}
