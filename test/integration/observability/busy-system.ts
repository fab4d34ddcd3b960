/**
 * The orders example, and beside it one function to which everything happens that metrics can tell: it is called, fails, dies, sleeps, is woken by
 * requests and by events, retried and given up.
 */
import { eventTrigger } from '../../builders/event-platform.ts'
import { functionManifest, triggerManifest } from '../../builders/local-platform.ts'
import { startExample, type ExampleBed } from '../examples/example-bed.ts'

/** Does what its event says. A death after the answer leaves a pod that the gateway still believes in. */
const SCRIPTED = `
export const handler = async (event) => {
  const action = event.action ?? JSON.parse(event.body ?? '{}').action ?? event.data?.action
  if (action === 'fail') throw new RangeError('as asked')
  if (action === 'die') process.exit(3)
  if (action === 'die-later') setTimeout(() => process.exit(3), 1)
  return action === 'confuse' ? { statusCode: 'no number' } : { action }
}`

export const SCRIPTED_KEY = 'default/scripted'

export interface BusySystem extends ExampleBed {
  /** One round of everything; a few seconds apart its counters move. */
  round(): Promise<void>
}

export async function startBusySystem(): Promise<BusySystem> {
  const bed = await startExample('examples/orders/manifest.yaml')
  const { platform } = bed
  await platform.apply(
    functionManifest('scripted', SCRIPTED, { scaling: { idleAfter: '1s', max: 3 } }),
    functionManifest('broken', 'export const handler = ('),
    triggerManifest('scripted-http', 'scripted', { path: '/scripted' }),
    eventTrigger('scripted', 'scripted', {
      kafka: { topics: ['scripted'] },
      retry: { maxAttempts: 2, backoff: { initial: '50ms' } },
    }),
  )
  return { ...bed, round: () => oneRound(bed) }
}

async function oneRound({ platform }: ExampleBed): Promise<void> {
  const { publicUrl, internalUrl } = platform
  const json = { 'content-type': 'application/json' }
  const post = async (url: string, body: object, headers: object = {}) => {
    const answer = await fetch(url, { method: 'POST', headers: { ...json, ...headers }, body: JSON.stringify(body) })
    await answer.arrayBuffer()
  }
  const scripted = (action: string, headers?: object) => post(`${internalUrl}/fn/${SCRIPTED_KEY}`, { action }, headers)
  const order = (currency: string) => post(`${publicUrl}/orders`, { customer: 'Ada', amount: 7, currency })
  await Promise.all([
    order('EUR'),
    order('GBP'),
    post(`${publicUrl}/nowhere`, {}),
    post(`${publicUrl}/scripted`, { action: 'confuse' }),
  ])
  await Promise.all([
    post(`${internalUrl}/topics/scripted`, { action: 'ok' }),
    post(`${internalUrl}/topics/scripted`, { action: 'fail' }),
    scripted('ok', { 'dormouse-invocation-type': 'Event' }),
    post(`${internalUrl}/fn/default/broken`, {}),
  ])
  for (const action of ['ok', 'fail', 'die', 'ok', 'die-later', 'ok', 'ok']) await scripted(action)
  await (await fetch(`${publicUrl}/orders`)).arrayBuffer()
}
