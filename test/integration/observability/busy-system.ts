/** The orders example, and beside it the function to which everything happens. */
import { eventTrigger } from '../../builders/event-platform.ts'
import { functionManifest, triggerManifest } from '../../builders/local-platform.ts'
import { post, SCRIPTED, SCRIPTED_SPEC, scriptedRound } from '../../builders/scripted-function.ts'
import { startExample, type ExampleBed } from '../examples/example-bed.ts'

export const SCRIPTED_KEY = 'default/scripted'

export interface BusySystem extends ExampleBed {
  round(): Promise<void>
}

export async function startBusySystem(): Promise<BusySystem> {
  const bed = await startExample('examples/orders/manifest.yaml')
  await bed.platform.apply(
    functionManifest('scripted', SCRIPTED, SCRIPTED_SPEC),
    functionManifest('broken', 'export const handler = ('),
    triggerManifest('scripted-http', 'scripted', { path: '/scripted' }),
    eventTrigger('scripted', 'scripted', {
      kafka: { topics: ['scripted'] },
      retry: { maxAttempts: 2, backoff: { initial: '50ms' } },
    }),
  )
  return { ...bed, round: () => oneRound(bed) }
}

async function oneRound({ platform: { publicUrl, internalUrl } }: ExampleBed): Promise<void> {
  const order = (currency: string) => post(`${publicUrl}/orders`, { customer: 'Ada', amount: 7, currency })
  await Promise.all([order('EUR'), order('GBP'), post(`${internalUrl}/fn/default/broken`, {})])
  await scriptedRound({ publicUrl, internalUrl, key: SCRIPTED_KEY, path: '/scripted', topic: 'scripted' })
  await (await fetch(`${publicUrl}/orders`)).arrayBuffer()
}
