/** What it means that a partition has no record at the offset that is to be read next. */
import { EventLogError } from '../event-log.ts'
import type { KafkaClient } from './kafka-client.ts'
import { EARLIEST, listOffsets } from './list-offsets.ts'
import type { PartitionRead } from './partition-read.ts'

export type OutOfRange =
  /** Retention was faster than we: on with the oldest that is left. */
  | { kind: 'deleted'; begin: number; error: EventLogError }
  /** The log ends before it: the topic was made anew, or lost its end with a broker. Read from its start, nothing of it is missed. */
  | { kind: 'another'; error: EventLogError }

export async function judgeOutOfRange(client: KafkaClient, { id, name, next }: PartitionRead): Promise<OutOfRange> {
  const view = await client.topics([id.topic])
  const [begin = 0] = await listOffsets({ client, view, partitions: [id] }, EARLIEST)
  const expected = `expected a record at offset ${next} of ${name}, the log`
  const failure = (what: string) => new EventLogError('unavailable', `${expected} ${what}`)
  if (next < begin) return { kind: 'deleted', begin, error: failure(`begins at ${begin}: what was between is lost`) }
  return { kind: 'another', error: failure('ends before it: it is read from its start') }
}
