import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Pod } from '../../../kube/objects.ts'
import { eventually } from '../../builders/eventually.ts'
import { functionManifest } from '../../builders/local-platform.ts'
import { startFaultBed, startLoad, type FaultBed } from './fault-bed.ts'

const KILLS = 20

let bed: FaultBed
beforeAll(async () => {
  const hello = functionManifest('hello', 'export const handler = () => "here"', { scaling: { min: 3 } })
  bed = await startFaultBed({ poolSize: 3, manifests: [hello] })
})
afterAll(() => bed.stop())

/** Between this look and the signal nothing can begin: gateway and test share an event loop. */
function killIdle(pods: readonly Pod[], spared: ReadonlySet<string>): string | undefined {
  const serving = bed.local.gateway.router.lane('default/hello')?.pods() ?? []
  const busy = new Set(serving.filter(({ inFlight }) => inFlight > 0).map(({ endpoint }) => endpoint.id))
  const idle = pods.find(({ metadata: { uid }, status }) => {
    return status?.phase === 'Running' && !spared.has(uid) && !busy.has(uid) && bed.local.kubelet.pidOf(uid)
  })
  if (idle === undefined) return undefined
  bed.kill(idle)
  return idle.metadata.uid
}

test(`${KILLS} idle pods killed under load, of the function and of the pool, fail no request`, async () => {
  const load = startLoad(() => bed.call('hello'), 2)
  const killed = new Set<string>()
  for (let kill = 0; kill < KILLS; kill++) {
    const uid = await eventually('an idle pod', async () =>
      killIdle(await bed.pods(kill % 2 === 0 ? 'hello' : undefined), killed),
    )
    killed.add(uid)
    const { served } = load
    await eventually('more is served', () => load.served >= served + 10)
  }
  await load.end()
  expect(load.failures).toEqual([])
  expect(killed.size).toBe(KILLS)
}, 120_000)
