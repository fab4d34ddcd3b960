/** Where partitions begin and end, or have the first record that is not older than some time. */
import { partitionName, type PartitionId } from '../event-log.ts'
import { CODES, KafkaCodeError, throwCode } from './error-codes.ts'
import type { KafkaClient, TopicsView } from './kafka-client.ts'
import { withCodes, type TopicPartitions } from './wire.ts'

/** Instead of a time. */
export const EARLIEST = -2
/** Behind the last record that readers may see: not into open transactions. */
export const LATEST = -1
const READ_COMMITTED = 1

export interface ListOptions {
  client: KafkaClient
  view: TopicsView
  partitions: readonly PartitionId[]
}

/** In the order asked. Undefined: no record is that young. */
export async function listOffsets(
  { client, view, partitions }: ListOptions,
  timestamp: number,
): Promise<(number | undefined)[]> {
  const found = new Map<string, number>()
  const byLeader = Map.groupBy(partitions, (id) => leaderOf(view, id))
  await Promise.all(
    [...byLeader].map(async ([leader, ids]) => {
      const broker = withCodes(await client.broker(leader))
      const topics = byTopic(ids, ({ partition }) => ({ partition, timestamp }))
      const { responses } = await broker.listOffsets({ isolationLevel: READ_COMMITTED, topics })
      for (const response of responses) {
        for (const { partition, errorCode, offset } of response.partitions) {
          const name = partitionName({ topic: response.topic, partition })
          throwCode(errorCode, `asking for offsets of ${name}`)
          if (Number(offset) >= 0) found.set(name, Number(offset))
        }
      }
    }),
  )
  return partitions.map((id) => found.get(partitionName(id)))
}

export function byTopic<T extends PartitionId, P>(ids: readonly T[], map: (id: T) => P): TopicPartitions<P>[] {
  return [...Map.groupBy(ids, ({ topic }) => topic)].map(([topic, own]) => ({ topic, partitions: own.map(map) }))
}

/** Throws KafkaCodeError when there is no such partition. */
export function isLed(view: TopicsView, id: PartitionId): boolean {
  return find(view, id).leader !== undefined
}

function leaderOf(view: TopicsView, id: PartitionId): number {
  const { leader } = find(view, id)
  if (leader === undefined) throw new KafkaCodeError(CODES.LEADER_NOT_AVAILABLE, `looking for ${partitionName(id)}`)
  return leader
}

function find(view: TopicsView, id: PartitionId) {
  const partition = view.get(id.topic)?.find(({ partition }) => partition === id.partition)
  if (partition === undefined)
    throw new KafkaCodeError(CODES.UNKNOWN_TOPIC_OR_PARTITION, `looking for ${partitionName(id)}`)
  return partition
}
