/** Where a generation begins to read. */
import {
  partitionName,
  type Assignment,
  type CommittedOffset,
  type ConsumerOptions,
  type PartitionId,
} from '../event-log.ts'
import { metadataAt } from '../metadata-at.ts'
import type { KafkaClient } from './kafka-client.ts'
import { EARLIEST, isLed, LATEST, listOffsets } from './list-offsets.ts'

export interface StartOptions {
  client: KafkaClient
  partitions: readonly PartitionId[]
  committed: readonly CommittedOffset[]
  startFrom: ConsumerOptions['startFrom']
  /** It was there when its topic was first wanted: only then `startFrom` is about it. */
  isOld(partition: PartitionId): boolean
  /** Where it began in an earlier generation: see KnownTopics. */
  starts: ReadonlyMap<string, number | 'begin'>
}

/**
 * A position whose records are gone moves on to the oldest that is left. One behind the end is found when it is read, as is what the oldest is
 * of a partition that has no leader now: all others must not wait for it. Throws only where nothing tells where such a one begins.
 */
export async function startPositions(options: StartOptions): Promise<Assignment[]> {
  const { client, partitions, committed, starts: before } = options
  const view = await client.topics(partitions.map(({ topic }) => topic))
  const led = partitions.filter((id) => isLed(view, id))
  const found = await listOffsets({ client, view, partitions: led }, EARLIEST)
  const begins = new Map(led.map((id, index) => [partitionName(id), found[index]]))
  const commits = new Map(committed.map((each) => [partitionName(each), each]))
  const isNew = (id: PartitionId) => !commits.has(partitionName(id)) && !before.has(partitionName(id))
  const starts = await firstStarts(options, view, partitions.filter(isNew))
  return partitions.map((id) => {
    const name = partitionName(id)
    const begin = begins.get(name) ?? 0
    const earlier = before.get(name)
    const commit = earlier === 'begin' ? undefined : commits.get(name)
    const known = commit?.offset ?? (earlier === 'begin' ? begin : (earlier ?? starts.get(name) ?? begin))
    const position = Math.max(known, begin)
    return { ...id, position, ...metadataAt(position, commit) }
  })
}

async function firstStarts(
  options: StartOptions,
  view: Awaited<ReturnType<KafkaClient['topics']>>,
  partitions: readonly PartitionId[],
): Promise<Map<string, number>> {
  const { client, startFrom } = options
  const old = partitions.filter((id) => options.isOld(id))
  if (startFrom === 'earliest' || old.length === 0) return new Map()
  const ends = await listOffsets({ client, view, partitions: old }, LATEST)
  const found =
    startFrom === 'latest' ? ends : await listOffsets({ client, view, partitions: old }, startFrom.timestampMs)
  return new Map(old.map((id, index) => [partitionName(id), found[index] ?? ends[index] ?? 0]))
}
