import { expect } from '@jest/globals'
import { setTimeout as sleep } from 'node:timers/promises'
import { scenario, useBed } from './bed.ts'
import type { Answer } from './call.ts'
import { describeOnCluster } from './environment.ts'
import { functionOf, saying, taking } from './manifests.ts'

const STAYS_MS = 3_000

describeOnCluster('from zero', () => {
  const bed = useBed('burst')

  scenario(
    bed,
    'a burst of 30 requests to one function is answered whole, by as many pods as it may have',
    async () => {
      await bed.deploy(functionOf('busy', taking(200), { scaling: { max: 6 } }))
      const answers = await Promise.all(Array.from({ length: 30 }, () => bed.call('busy')))
      expect(failuresOf(answers)).toEqual([])
      // Two replicas may pass it for a moment (docs/adr/0029); that is corrected, and then it stays.
      await bed.eventually('no more pods than it may have', async () => (await bed.pods('busy')).length <= 6)
      await sleep(STAYS_MS)
      expect((await bed.pods('busy')).length).toBeLessThanOrEqual(6)
    },
  )

  scenario(bed, 'ten functions that are called together all answer', async () => {
    const names = Array.from({ length: 10 }, (_, index) => `many-${index}`)
    await bed.deploy(...names.map((name) => functionOf(name, saying(name))))
    const answers = await Promise.all(names.map((name) => bed.call(name)))
    expect(failuresOf(answers)).toEqual([])
  })
})

const failuresOf = (answers: readonly Answer[]): string[] =>
  answers
    .filter(({ status }) => status !== 200)
    .map(({ status, text, tookMs }) => `${status} after ${Math.round(tookMs)} ms: ${text}`)
