/** Wakes every function of the examples from zero, one after the other, as a client outside would, and measures it. */
import type { DormouseFunction } from '../../api/function.ts'
import { RUNTIMES } from '../../api/kinds.ts'
import type { Runtime } from '../../api/runtime.ts'
import type { Trigger } from '../../api/trigger.ts'
import type { DemoInstance } from './instance.ts'
import { callOnce, talkOnce, type Seen } from './outside-client.ts'
import { countPods, DemoError, until } from './platform-view.ts'

export interface WokenFunction extends Seen {
  name: string
  signature: string
}

export async function wakeAll(
  instance: DemoInstance,
  functions: readonly DormouseFunction[],
  triggers: readonly Trigger[],
): Promise<WokenFunction[]> {
  const woken: WokenFunction[] = []
  const { spec } = (await instance.client.get({ plural: RUNTIMES.plural, name: 'node' })) as Runtime
  for (const fn of functions) {
    // A refill of the pool would be measured along.
    await until('a full pool', 10_000, async () => (await countPods(instance.client)).pooled >= spec.pool.size)
    const { name } = fn.metadata
    const seen = await wake(
      instance,
      fn,
      triggers.find((trigger) => trigger.spec.function === name),
    )
    if (!isWebSocket(fn) && seen.phases === undefined)
      throw new DemoError(`${name} was not asleep: its answer tells of no cold start`)
    woken.push({ ...seen, name, signature: isWebSocket(fn) ? 'http (websocket)' : fn.spec.signature })
  }
  return woken
}

/** Something every example can make something of. */
const EVENT = { name: 'dormouse', amount: 3 }

const isWebSocket = ({ metadata }: DormouseFunction) => metadata.name.includes('websocket')

function wake({ urls }: DemoInstance, fn: DormouseFunction, trigger: Trigger | undefined): Promise<Seen> {
  const internal = `${urls.internal}/fn/${fn.metadata.namespace ?? 'default'}/${fn.metadata.name}`
  const http = trigger?.spec.http
  const host = http?.hosts[0]
  const url = http === undefined || host !== undefined ? internal : `${urls.public}${http.path}`
  if (isWebSocket(fn)) return talkOnce(url, 'wake up')
  switch (fn.spec.signature) {
    case 'http':
      return callOnce(url, { method: 'GET' })
    case 'event':
      return callOnce(internal, post('application/json', EVENT))
    case 'cloudevent': {
      const event = {
        specversion: '1.0',
        id: '1',
        source: '/demo',
        type: 'dev.dormouse.demo',
        data: EVENT,
      }
      return callOnce(internal, post('application/cloudevents+json', event))
    }
  }
}

function post(type: string, body: object): { method: 'POST'; headers: Record<string, string>; body: string } {
  return { method: 'POST', headers: { 'content-type': type }, body: JSON.stringify(body) }
}
