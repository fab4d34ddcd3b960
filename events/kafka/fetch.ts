/** One fetch of several partitions from the broker that leads them. */
import { decodeFetchAnswer, type FetchedPartition } from './fetch-answer.ts'
import { byTopic } from './list-offsets.ts'
import type { PartitionRead } from './partition-read.ts'
import { withResponses, type Broker } from './wire.ts'

const PARTITION_BYTES = 512 * 1024
const ANSWER_BYTES = 4 * 1024 * 1024
/** Beyond the wait at the broker. */
const NETWORK_MS = 10_000
const READ_COMMITTED = 1

/** Waits at the broker until there is something, at most `waitMs`. */
export async function fetchRecords(
  broker: Broker,
  reads: readonly PartitionRead[],
  waitMs: number,
): Promise<readonly FetchedPartition[]> {
  const ours = withResponses(broker, (wire) => ({
    request: wire.request,
    response: {
      decode: async (raw) => decodeFetchAnswer(raw, wire.request.apiVersion),
      parse: async (answer) => answer,
    },
    requestTimeout: waitMs + NETWORK_MS,
  }))
  const asked = reads.map((read) => ({ ...read.id, offset: read.next }))
  const topics = byTopic(asked, ({ partition, offset }) => ({
    ...{ partition, fetchOffset: `${offset}`, maxBytes: PARTITION_BYTES },
  }))
  const limits = { maxWaitTime: waitMs, minBytes: 1, maxBytes: ANSWER_BYTES, isolationLevel: READ_COMMITTED }
  return (await ours.fetch({ ...limits, topics })) as FetchedPartition[]
}
