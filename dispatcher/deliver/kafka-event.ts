/** Lambda's event of a batch of Kafka records, and what the function's answer says of each. Pure. Source: AWS Lambda, "Using Lambda with self-managed Apache Kafka". */
import type { Delivery, DeliveryOutcome } from '../../events/delivery.ts'

interface LambdaRecord {
  topic: string
  partition: number
  offset: number
  timestamp: number
  timestampType: 'CREATE_TIME'
  /** Base64; absent without a key. */
  key?: string
  value?: string
  headers: Record<string, number[]>[]
}

export function kafkaEvent(deliveries: readonly Delivery[]): object {
  const records: Record<string, LambdaRecord[]> = {}
  for (const { record, origin } of deliveries) {
    const { key, value, timestampMs } = record
    const list = (records[`${origin.topic}-${origin.partition}`] ??= [])
    list.push({
      topic: origin.topic,
      partition: origin.partition,
      offset: origin.offset,
      timestamp: timestampMs,
      timestampType: 'CREATE_TIME',
      ...(key !== null && { key: key.toString('base64') }),
      ...(value !== null && { value: value.toString('base64') }),
      headers: record.headers.map(([name, bytes]) => ({ [name]: [...bytes] })),
    })
  }
  return { eventSource: 'SelfManagedKafka', bootstrapServers: '', records }
}

/**
 * What a 200 with this body says of each record: `batchItemFailures` names those that failed, by `topic-partition@offset` or by
 * {partition: "topic-partition", offset}. As in Lambda, an identifier that fits no record fails all; no list fails none.
 */
export function batchOutcomes(deliveries: readonly Delivery[], body: Buffer): DeliveryOutcome[] {
  const failed = failedItems(body)
  if (failed === 'none') return deliveries.map(() => ({ kind: 'done' }))
  const ids = deliveries.map(({ origin }) => `${origin.topic}-${origin.partition}@${origin.offset}`)
  const isUnknown = failed === 'unreadable' || failed.some((id) => !ids.includes(id))
  const message = isUnknown
    ? 'batchItemFailures names a record that was not in the batch'
    : 'named in batchItemFailures'
  const names = isUnknown ? new Set(ids) : new Set(failed)
  return ids.map((id) =>
    names.has(id) ? { kind: 'failed', failure: { class: 'handled', message } } : { kind: 'done' },
  )
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
