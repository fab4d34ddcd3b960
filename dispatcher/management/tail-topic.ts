/** The records of a topic as they are and as they come, for people who look. Reads in a group of its own and commits nothing. */
import { randomUUID } from 'node:crypto'
import type { Consumer, EventLog, LogRecord, PartitionId } from '../../events/event-log.ts'
import { readToEnd } from '../../events/read-topic.ts'
import type { RouteAnswer, RouteRequest } from '../../lib/management-server.ts'
import { RequestError, wholeNumber } from './filter.ts'
import { TimeMerge } from './time-merge.ts'
import { recordView } from './views.ts'

const GROUP = 'dormouse.tail'

interface Tail {
  topic: string
  group: string
  from: 'earliest' | 'latest'
  signal: AbortSignal
}

export async function tailTopic(log: EventLog, { params, query, signal }: RouteRequest): Promise<RouteAnswer> {
  const { topic = '' } = params
  const { from = 'earliest', follow } = query
  if (from !== 'earliest' && from !== 'latest')
    throw new RequestError(400, 'bad-request', `from: expected earliest or latest, got ${from}`)
  const max = wholeNumber('max', query['max'], Infinity)
  const [found] = await log.describe([topic])
  if (found === undefined && follow !== 'true')
    throw new RequestError(404, 'unknown-topic', `there is no topic ${topic}`)
  const group = `${GROUP}.${randomUUID()}`
  const stop = new AbortController()
  const ended = AbortSignal.any([signal, stop.signal])
  const tail: Tail = { topic, group, from, signal: ended }
  const lines = take(follow === 'true' ? followed(log, tail) : stored(log, tail), max)
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
async function* stored(log: EventLog, { topic, group, from, signal }: Tail): AsyncGenerator<LogRecord> {
  if (from === 'latest') return
  const ends = (await log.endOffsets(topic)).filter(({ begin, end }) => end > begin)
  const merge = new TimeMerge(new Map(ends.map(({ partition, end }) => [partition, end])))
  // At once: the reader cannot end before what it handed over is let go.
  signal.addEventListener('abort', () => merge.end(), { once: true })
  readToEnd({
    ...{ log, topics: [topic], group, signal },
    onRecords: (records) => merge.push(records),
    onEnd: ({ partition }) => merge.endOf(partition),
  }).then(
    () => merge.end(),
    (error: unknown) => merge.end(error instanceof Error ? error : new Error(String(error))),
  )
  yield* merge
}

/** Waits for its reader: a partition is read on when what was read of it is gone. */
async function* followed(log: EventLog, { topic, group, from, signal }: Tail): AsyncGenerator<LogRecord> {
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
