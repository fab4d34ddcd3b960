/**
 * Two requests to a group's coordinator in versions that kafkajs does not speak, from Kafka 2.5 on: the commit of offsets within a transaction
 * that names its generation (older ones take it from whoever was left behind), and the question for commits that waits for what transactions
 * have not brought yet (older ones are answered with what was before).
 */
import type { CommittedOffset, PartitionId } from '../event-log.ts'
import { CODES, KafkaCodeError } from './error-codes.ts'
import { CompactReader } from './compact-reader.ts'
import { CompactWriter } from './compact-writer.ts'
import { byTopic } from './list-offsets.ts'
import type { Broker, Definition } from './wire.ts'

const OFFSET_FETCH = { apiKey: 9, version: 7, apiName: 'OffsetFetch' }
const TXN_OFFSET_COMMIT = { apiKey: 28, version: 3, apiName: 'TxnOffsetCommit' }
const NO_EPOCH = -1

export interface PartitionCode extends PartitionId {
  errorCode: number
}

export interface CommitInTransaction {
  transactionalId: string
  groupId: string
  generationId: number
  memberId: string
  producerId: string
  producerEpoch: number
  offsets: readonly CommittedOffset[]
}

export async function txnOffsetCommit(broker: Broker, request: CommitInTransaction): Promise<PartitionCode[]> {
  const bytes = encodeTxnOffsetCommit(request)
  const definition = own(TXN_OFFSET_COMMIT, bytes, decodeTxnOffsetCommit)
  return (await asking(broker, definition).txnOffsetCommit({})) as PartitionCode[]
}

export interface StableCommits {
  errorCode: number
  partitions: (CommittedOffset & PartitionCode)[]
}

/** UNSTABLE_OFFSET_COMMIT of those that a transaction is about to move. */
export async function stableCommits(
  broker: Broker,
  groupId: string,
  partitions: readonly PartitionId[],
): Promise<StableCommits> {
  const bytes = encodeOffsetFetch(groupId, partitions)
  const definition = own(OFFSET_FETCH, bytes, decodeOffsetFetch)
  return (await asking(broker, definition).offsetFetch({ groupId, topics: [] })) as unknown as StableCommits
}

/** Exported for tests, as those below. */
export function encodeTxnOffsetCommit(request: CommitInTransaction): Buffer {
  const writer = new CompactWriter().noTags()
  writer.string(request.transactionalId).string(request.groupId)
  writer.int64(BigInt(request.producerId)).int16(request.producerEpoch)
  writer.int32(request.generationId).string(request.memberId).string(null)
  const topics = byTopic(request.offsets, (each) => each)
  writer.array(topics, ({ topic, partitions }) => {
    writer.string(topic).array(partitions, ({ partition, offset, metadata }) => {
      writer.int32(partition).int64(offset).int32(NO_EPOCH).string(metadata).noTags()
    })
    writer.noTags()
  })
  return writer.noTags().bytes
}

export function decodeTxnOffsetCommit(bytes: Buffer): PartitionCode[] {
  const reader = new CompactReader(bytes)
  reader.skipTags()
  // Throttle time.
  reader.skip(4)
  return readTopics(reader, (topic) => {
    const answer = { topic, partition: reader.int32(), errorCode: reader.int16() }
    reader.skipTags()
    return answer
  })
}

export function encodeOffsetFetch(groupId: string, partitions: readonly PartitionId[]): Buffer {
  const writer = new CompactWriter().noTags().string(groupId)
  const topics = byTopic(partitions, ({ partition }) => partition)
  writer.array(topics, ({ topic, partitions: asked }) => {
    writer.string(topic).array(asked, (partition) => writer.int32(partition))
    writer.noTags()
  })
  // Wait for what transactions have not brought yet.
  return writer.int8(1).noTags().bytes
}

export function decodeOffsetFetch(bytes: Buffer): StableCommits {
  const reader = new CompactReader(bytes)
  reader.skipTags()
  reader.skip(4)
  const partitions = readTopics(reader, (topic) => {
    const [partition, offset] = [reader.int32(), reader.int64()]
    // Leader epoch.
    reader.skip(4)
    const answer = { topic, partition, offset, metadata: reader.compactString() ?? '', errorCode: reader.int16() }
    reader.skipTags()
    return answer
  })
  return { partitions, errorCode: reader.int16() }
}

function readTopics<T>(reader: CompactReader, read: (topic: string) => T): T[] {
  return reader
    .compactArray(() => {
      const topic = reader.compactString() ?? ''
      const items = reader.compactArray(() => read(topic))
      reader.skipTags()
      return items
    })
    .flat()
}

/** kafkajs asks for the best version of ours that the broker speaks. */
function own(
  { apiKey, version, apiName }: { apiKey: number; version: number; apiName: string },
  bytes: Buffer,
  decode: (raw: Buffer) => unknown,
): Definition {
  return {
    apiKey,
    versions: [String(version)],
    protocol: (best) => {
      if (best.version < version)
        throw new KafkaCodeError(CODES.UNSUPPORTED_VERSION, `asking for ${apiName} version ${version}`)
      // What kafkajs takes for an encoder of its own.
      const encode = async () => ({ buf: bytes, buffer: bytes })
      return () => ({
        request: { apiKey, apiVersion: version, apiName, encode },
        response: { decode: async (raw: Buffer) => decode(raw), parse: async (data: unknown) => data },
      })
    },
  }
}

/** The broker, which sends ours whatever it is asked for. */
function asking(broker: Broker, definition: Definition): Broker {
  const view = Object.create(broker) as Broker
  view.lookupRequest = () => broker.lookupRequest(definition.apiKey, definition)
  return view
}
