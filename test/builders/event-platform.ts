/** The event path of a running local platform, for tests: publish, wait for what becomes of it, look at what is left. */
import type { DeadLetterInfo, InvocationInfo, RecordPosition, RedriveRequest } from '../../api/events-api.ts'
import type { RedriveResult, TriggerInfo } from '../../api/events-api.ts'
import { instanceDoor } from '../../cli/client/door.ts'
import { createEventsClient, publishEvent } from '../../cli/client/events-client.ts'
import { eventually } from './eventually.ts'
import type { TestPlatform } from './local-platform.ts'

/** `trigger/mailer` or `function/hello`, of namespace default. */
export type OwnerName = `${'trigger' | 'function'}/${string}`

export interface EventPlatform {
  /** As JSON; a Buffer as it is. */
  publish(
    topic: string,
    value: unknown,
    options?: { key?: string; headers?: [string, string][] },
  ): Promise<RecordPosition>
  /** Invokes asynchronously; the id. */
  invokeLater(functionName: string, event?: unknown): Promise<string>
  invocation(id: string): Promise<InvocationInfo>
  /** The invocation once it has succeeded or failed for good. */
  ended(id: string): Promise<InvocationInfo>
  trigger(name: string): Promise<TriggerInfo>
  /** Settles when nothing of the Trigger is left to do: all records are done or dead letters. */
  idle(triggerName: string): Promise<void>
  deadLetters(owner: OwnerName): Promise<DeadLetterInfo[]>
  redrive(owner: OwnerName, request?: RedriveRequest): Promise<RedriveResult>
}

const WAIT = { withinMs: 20_000, everyMs: 20 }
const never = new AbortController().signal

export function eventsOf({ internalUrl, managementUrl }: TestPlatform): EventPlatform {
  const client = createEventsClient(instanceDoor(managementUrl))
  const invocation = (id: string) => client.invocation(id, never)
  const trigger = (name: string) => client.trigger({ namespace: 'default', name })
  return {
    publish(topic, value, { key, headers = [] } = {}) {
      const bytes = Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value))
      const type = Buffer.isBuffer(value) ? [] : [['content-type', 'application/json'] as const]
      const event = { topic, value: bytes, headers: [...type, ...headers], ...(key !== undefined && { key }) }
      return publishEvent(instanceDoor(internalUrl), event, never)
    },
    async invokeLater(functionName, event = {}) {
      const response = await fetch(`${internalUrl}/fn/default/${functionName}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'dormouse-invocation-type': 'Event' },
        body: JSON.stringify(event),
      })
      const text = await response.text()
      if (response.status !== 202) throw new Error(`not accepted: ${response.status} ${text}`)
      return (JSON.parse(text) as { invocationId: string }).invocationId
    },
    invocation,
    ended: (id) =>
      eventually(
        `the end of invocation ${id}`,
        async () => {
          const info = await invocation(id)
          return (info.status === 'succeeded' || info.status === 'failed') && info
        },
        WAIT,
      ),
    trigger,
    async idle(name) {
      await eventually(
        `nothing left to do of ${name}`,
        async () => {
          const { lag, waitingForRetry } = await trigger(name)
          return lag + waitingForRetry === 0
        },
        WAIT,
      )
    },
    deadLetters: (owner) => client.deadLetters(ownerOf(owner), {}, 1_000),
    redrive: (owner, request = {}) => client.redrive(ownerOf(owner), request, never),
  }
}

function ownerOf(owner: OwnerName): { kind: 'trigger' | 'function'; namespace: string; name: string } {
  const [kind, name = ''] = owner.split('/') as ['trigger' | 'function', string?]
  return { kind, namespace: 'default', name }
}

interface EventTriggerSpec {
  kafka?: object
  cron?: object
  retry?: object
}

/** A kafka or cron Trigger. Topics are read from their first record unless `spec` says otherwise. */
export function eventTrigger(name: string, functionName: string, spec: EventTriggerSpec): object {
  const kafka = spec.kafka && { startFrom: 'earliest', ...spec.kafka }
  return {
    apiVersion: 'dormouse.dev/v1alpha1',
    kind: 'Trigger',
    metadata: { name },
    spec: { function: functionName, ...spec, ...(kafka && { kafka }) },
  }
}
