import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../../builders/eventually.ts'
import { functionManifest } from '../../builders/local-platform.ts'
import { json, startFaultBed, type FaultBed } from './fault-bed.ts'
import { createWitness } from './witness.ts'

describe('a pod that is killed while it serves', () => {
  let bed: FaultBed
  const witness = createWitness()
  beforeAll(async () => {
    const code = `${witness.code}
export const handler = async ({ id, ms }) => { begun(id); await new Promise((resolve) => setTimeout(resolve, ms)); return id }`
    const spec = { concurrency: 3, scaling: { max: 1 } }
    bed = await startFaultBed({ manifests: [functionManifest('mortal', code, spec)] })
  })
  afterAll(async () => {
    await bed.stop()
    witness.remove()
  })
  const call = (id: string, ms = 0) => bed.call('mortal', { body: JSON.stringify({ id, ms }) })
  const lane = () => bed.local.gateway.router.lane('default/mortal')

  test('costs exactly the requests it had begun a 502; those that waited are served by the next', async () => {
    await call('first')
    const begun = ['a', 'b', 'c'].map((id) => call(id, 10_000))
    await eventually('three have begun', () => witness.begun().length === 4)
    const waiting = ['d', 'e', 'f'].map((id) => call(id))
    await eventually('three wait', () => lane()?.queued === 3)
    bed.kill(await bed.onlyPod('mortal'))
    for (const answer of await Promise.all(begun)) expect(json(answer)).toMatchObject({ status: 502, code: 'pod-died' })
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200, 200])
    expect(witness.begun().toSorted()).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'first'])
  })

  test('costs nothing a request that was sent to it and not begun: it is replayed, once', async () => {
    await call('warm')
    const pod = await bed.onlyPod('mortal')
    process.kill(bed.pidOf(pod), 'SIGSTOP')
    const sent = ['u', 'v'].map((id) => call(id))
    await eventually('both are on their way', () => lane()?.inFlight === 2)
    bed.kill(pod)
    expect((await Promise.all(sent)).map(({ status, text }) => `${status} ${text}`)).toEqual(['200 "u"', '200 "v"'])
    expect(witness.begun().filter((id) => id === 'u' || id === 'v')).toHaveLength(2)
  })

  test('is told as an Event of its function', async () => {
    await eventually('an Event', async () =>
      (await bed.events('mortal')).some(({ reason, message }) => reason === 'PodEnded' && /signal 9/.test(message)),
    )
  })
})
