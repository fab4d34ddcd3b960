/** Speaks the event routes of the management listener (api/events-api.ts), and publishes on the internal one. */
import type {
  DeadLetterFilter,
  DeadLetterInfo,
  EventRecord,
  InvocationInfo,
  RecordPosition,
  RedriveRequest,
  RedriveResult,
  SubscriptionInfo,
  TriggerInfo,
} from '../../api/events-api.ts'
import type { Door } from './door.ts'
import { checked, createTransport, post, search, segment } from './transport.ts'

/** Whose dead letters. */
export interface LetterOwner {
  kind: 'trigger' | 'function'
  namespace: string
  name: string
}

export interface TailQuery {
  topic: string
  from?: string
  follow?: boolean
  max?: number
}

export interface NewEvent {
  topic: string
  key?: string
  partition?: number
  headers: readonly (readonly [name: string, value: string])[]
  /** null = tombstone. */
  value: Buffer | null
}

export interface EventsClient {
  /** Records as they are and, where `follow` is set, as they come, until `signal` aborts or the server ends. */
  tail(query: TailQuery, signal: AbortSignal): AsyncIterable<EventRecord>
  trigger(key: { namespace: string; name: string }): Promise<TriggerInfo>
  /** Of the asynchronous invocations of a Function. */
  invocations(key: { namespace: string; name: string }): Promise<SubscriptionInfo>
  invocation(id: string, signal: AbortSignal): Promise<InvocationInfo>
  deadLetters(owner: LetterOwner, filter: DeadLetterFilter, limit: number): Promise<DeadLetterInfo[]>
  redrive(owner: LetterOwner, request: RedriveRequest, signal: AbortSignal): Promise<RedriveResult>
  purge(owner: LetterOwner, request: RedriveRequest, signal: AbortSignal): Promise<RedriveResult>
}

/** `door`: to a management listener. */
export function createEventsClient(door: Door): EventsClient {
  const { json, patientJson, stream } = createTransport(door)
  const move = async (path: string, request: RedriveRequest, signal: AbortSignal) =>
    (await patientJson(path, { ...post(request), signal })) as RedriveResult
  return {
    tail: ({ topic, from, follow, max }, signal) => {
      const query = search({ from, max: max?.toString(), follow: follow === true ? 'true' : undefined })
      return stream(`/api/v1/topics/${segment(topic)}/records${query}`, signal) as AsyncIterable<EventRecord>
    },
    trigger: async ({ namespace, name }) =>
      (await json(`/api/v1/triggers/${segment(namespace)}/${segment(name)}/state`)) as TriggerInfo,
    invocations: async ({ namespace, name }) =>
      (await json(`/api/v1/functions/${segment(namespace)}/${segment(name)}/async/state`)) as SubscriptionInfo,
    invocation: async (id, signal) =>
      (await patientJson(`/api/v1/invocations/${segment(id)}`, { signal })) as InvocationInfo,
    deadLetters: async (owner, filter, limit) => {
      const path = `${lettersPath(owner)}${search({ ...filter, limit: String(limit) })}`
      return ((await json(path)) as { items: DeadLetterInfo[] }).items
    },
    redrive: (owner, request, signal) => move(`${lettersPath(owner)}/redrive`, request, signal),
    purge: (owner, request, signal) => move(`${lettersPath(owner)}/purge`, request, signal),
  }
}

/** `door`: to an internal listener. */
export async function publishEvent(door: Door, event: NewEvent, signal: AbortSignal): Promise<RecordPosition> {
  const { topic, key, partition, headers, value } = event
  const query = search({ key, partition: partition?.toString(), tombstone: value === null ? 'true' : undefined })
  const path = `/topics/${segment(topic)}${query}`
  const init = { method: 'POST', headers: headers.map(([name, text]) => [name, text] as [string, string]), signal }
  const sent = door.send(path, value === null ? init : { ...init, body: new Uint8Array(value) })
  return (await (await checked(door, sent, signal)).json()) as RecordPosition
}

function lettersPath({ kind, namespace, name }: LetterOwner): string {
  return `/api/v1/dlq/${kind}/${segment(namespace)}/${segment(name)}`
}
