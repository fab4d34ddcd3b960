/** The records of a topic as they are and as they come, for people who look. Reads in a group of its own and commits nothing. */
import { randomUUID } from 'node:crypto'
import type { Consumer, EventLog, LogRecord, PartitionId } from '../../events/event-log.ts'
import { readToEnd } from '../../events/read-topic.ts'
import type { RouteAnswer, RouteRequest } from '../../lib/management-server.ts'
import { RequestError, wholeNumber } from './filter.ts'
import { recordView } from './views.ts'

const GROUP = 'dormouse.tail'

export async function tailTopic(log: EventLog, { params, query, signal }: RouteRequest): Promise<RouteAnswer> {
  const { topic = '' } = params
  const { from = 'earliest', follow } = query
  if (from !== 'earliest' && from !== 'latest')
    throw new RequestError(400, 'bad-request', `from: expected earliest or latest, got ${from}`)
  const max = wholeNumber('max', query['max'], 100_000)
  const [found] = await log.describe([topic])
  if (found === undefined && follow !== 'true')
    throw new RequestError(404, 'unknown-topic', `there is no topic ${topic}`)
  const group = `${GROUP}.${randomUUID()}`
  const stop = new AbortController()
  const ended = AbortSignal.any([signal, stop.signal])
  const lines = take(
    follow === 'true' ? followed(log, { topic, group, from, signal: ended }) : stored(log, topic, group),
    max,
  )
  return { stream: finallyDo(lines, () => stop.abort()) }
}

async function* take(records: AsyncIterable<LogRecord>, max: number): AsyncGenerator<string> {
  let left = max
  if (left === 0) return
  for await (const record of records) {
    yield `${JSON.stringify(recordView(record))}\n`
    if (--left === 0) return
  }
}

async function* finallyDo<T>(values: AsyncIterable<T>, end: () => void): AsyncGenerator<T> {
  try {
    yield* values
  } finally {
    end()
  }
}

/** Everything that is there, by time. */
async function* stored(log: EventLog, topic: string, group: string): AsyncGenerator<LogRecord> {
  const records: LogRecord[] = []
  await readToEnd({ log, topics: [topic], group, onRecords: (batch) => void records.push(...batch) })
  yield* records.sort((a, b) => a.timestampMs - b.timestampMs || a.offset - b.offset)
}

interface Follow {
  topic: string
  group: string
  from: 'earliest' | 'latest'
  signal: AbortSignal
}

/** Waits for its reader: a partition is read on when what was read of it is gone. */
async function* followed(log: EventLog, { topic, group, from, signal }: Follow): AsyncGenerator<LogRecord> {
  const queue: { partition: PartitionId; records: readonly LogRecord[] }[] = []
  let wake: () => void = () => undefined
  const consumer: Consumer = log.consumer({
    ...{ group, topics: [topic], startFrom: from },
    onAssigned: () => undefined,
    onRevoked: async () => undefined,
    onRecords: (partition, records) => {
      consumer.pause([partition])
      queue.push({ partition, records })
      wake()
    },
  })
  signal.addEventListener('abort', () => wake(), { once: true })
  try {
    while (!signal.aborted) {
      const next = queue.shift()
      if (next === undefined) await new Promise<void>((resolve) => (wake = resolve))
      else {
        yield* next.records
        consumer.resume([next.partition])
      }
    }
  } finally {
    await consumer.close()
  }
}
