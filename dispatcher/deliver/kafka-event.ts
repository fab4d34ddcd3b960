/**
 * Lambda's event of a batch of Kafka records, and what the function's answer says of each. Pure. Source: AWS Lambda, "Using Lambda with
 * self-managed Apache Kafka".
 */
import type { Delivery, DeliveryOutcome, Failure } from '../../events/delivery.ts'
import { userHeaders } from '../../events/record-headers.ts'
import type { Answer } from './outcome.ts'

interface LambdaRecord {
  topic: string
  partition: number
  offset: number
  timestamp: number
  timestampType: 'CREATE_TIME'
  /** Base64; absent without a key. */
  key?: string
  /** Absent of a tombstone. */
  value?: string
  /** Bytes as Java has them, -128 to 127: AWS's own libraries for Go and .NET read nothing else. */
  headers: Record<string, number[]>[]
}

const AFTER = '}}'

export interface KafkaEventOptions {
  limitBytes: number
  /** `host:port,host:port`; empty where there are none. */
  bootstrapServers: string
}

export interface KafkaEvent {
  body: Buffer
  /** How many of the deliveries are in it, from the first on; at least one. */
  count: number
}

/** As many of the deliveries as fit, in order. A first one that does not fit by itself comes alone. */
export function kafkaEvent(
  deliveries: readonly Delivery[],
  { limitBytes, bootstrapServers }: KafkaEventOptions,
): KafkaEvent {
  const servers = JSON.stringify(bootstrapServers)
  const before = `{"eventSource":"SelfManagedKafka","bootstrapServers":${servers},"records":{`
  const groups = new Map<string, string[]>()
  // Every group is counted with a comma; the first has none.
  let sizeBytes = before.length + AFTER.length - 1
  let count = 0
  for (const { record, origin } of deliveries) {
    const group = `${origin.topic}-${origin.partition}`
    const text = JSON.stringify(lambdaRecord(record, origin))
    const known = groups.get(group)
    sizeBytes += Buffer.byteLength(text) + (known === undefined ? group.length + 6 : 1)
    if (sizeBytes > limitBytes && count > 0) break
    if (known === undefined) groups.set(group, [text])
    else known.push(text)
    count++
  }
  const parts = [...groups].map(([group, texts]) => `${JSON.stringify(group)}:[${texts.join(',')}]`)
  return { body: Buffer.from(before + parts.join(',') + AFTER), count }
}

/** As it stood in its source topic, on every attempt. */
function lambdaRecord({ key, value, headers }: Delivery['record'], origin: Delivery['origin']): LambdaRecord {
  return {
    topic: origin.topic,
    partition: origin.partition,
    offset: origin.offset,
    timestamp: origin.timestampMs,
    timestampType: 'CREATE_TIME',
    ...(key !== null && { key: key.toString('base64') }),
    ...(value !== null && { value: value.toString('base64') }),
    headers: userHeaders(headers).map(([name, bytes]) => ({ [name]: [...new Int8Array(bytes)] })),
  }
}

/**
 * What a 200 says of each record: `batchItemFailures` names those that failed, by `topic-partition@offset` or by
 * {partition: "topic-partition", offset}. As in Lambda, an identifier that fits no record fails all; no list fails none.
 */
export function batchOutcomes(deliveries: readonly Delivery[], { body, isCut }: Answer): DeliveryOutcome[] {
  const failed = isCut ? 'too-long' : failedItems(body)
  if (failed === 'none') return deliveries.map(() => ({ kind: 'done' }))
  const ids = deliveries.map(({ origin }) => `${origin.topic}-${origin.partition}@${origin.offset}`)
  const known = new Set(ids)
  const names = typeof failed === 'string' || failed.some((id) => !known.has(id)) ? undefined : new Set(failed)
  if (names === undefined) {
    const message = MISTAKE[failed === 'too-long' ? failed : 'unknown']
    return deliveries.map(() => ({ kind: 'failed', failure: { class: 'handled', message } }))
  }
  const failure: Failure = { class: 'handled', message: 'named in batchItemFailures' }
  return ids.map((id) => (names.has(id) ? { kind: 'failed', failure, isOwn: true } : { kind: 'done' }))
}

const MISTAKE = {
  unknown: 'batchItemFailures names a record that was not in the batch, so that none of it counts as handled',
  'too-long': 'the answer to the batch is too long to be read, so that none of it counts as handled',
}

function failedItems(body: Buffer): string[] | 'none' | 'unreadable' {
  const answer = parse(body)
  if (typeof answer !== 'object' || answer === null || !('batchItemFailures' in answer)) return 'none'
  const { batchItemFailures: list } = answer
  if (list === null) return 'none'
  if (!Array.isArray(list)) return 'unreadable'
  if (list.length === 0) return 'none'
  const ids = list.map(identifierOf)
  return ids.every((id) => id !== undefined) ? ids : 'unreadable'
}

function identifierOf(item: unknown): string | undefined {
  const id = typeof item === 'object' && item !== null && 'itemIdentifier' in item ? item.itemIdentifier : undefined
  if (typeof id === 'string') return id
  if (typeof id !== 'object' || id === null || !('partition' in id) || !('offset' in id)) return undefined
  return `${String(id.partition)}@${String(id.offset)}`
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}
