/** The end of an attempt: who wants to know is told before its record counts as done. */
import type { RecordEnd } from './engine.ts'
import type { Entry } from './entry.ts'
import type { PartitionWorker } from './partition-worker.ts'
import type { Published } from './publish.ts'

type WithoutContext<T> = T extends unknown ? Omit<T, 'subscription' | 'record' | 'meta'> : never
export type EndKind = WithoutContext<RecordEnd>

/** Tells who wants to know, then counts it as done. */
export function end(worker: PartitionWorker, entry: Entry, what: EndKind): Promise<void> | undefined {
  const telling = tell(worker, entry, what)
  if (telling !== undefined) return telling.then(() => finish(worker, entry))
  finish(worker, entry)
  return undefined
}

/** Undefined: nobody has to be waited for. Never rejects. */
function tell(worker: PartitionWorker, entry: Entry, what: EndKind): Promise<void> | undefined {
  const { engine, state } = worker.options
  const { subscription } = state
  return engine.onEnd?.({ ...what, subscription, record: entry.record, meta: entry.meta })?.catch((error: unknown) => {
    engine.logger.error('the end of a record could not be told', { subscription: subscription.key, error })
  })
}

/** Counts as done when what comes of it is stored. Handed over it is done at once: who wants to know is told before. */
export async function endStored(
  worker: PartitionWorker,
  entry: Entry,
  { end: what, store }: { end: EndKind; store: () => Promise<Published> },
): Promise<Published> {
  const isTold = worker.handOvers.isOffered
  if (isTold) await tell(worker, entry, what)
  const published = await store()
  if (published !== 'stored') return published
  if (isTold) finish(worker, entry)
  else await end(worker, entry, what)
  return published
}

function finish(worker: PartitionWorker, entry: Entry): void {
  if (!worker.isGone) worker.finish(entry)
}
