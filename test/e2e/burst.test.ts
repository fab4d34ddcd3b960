import { expect } from '@jest/globals'
import { scenario, useBed } from './bed.ts'
import { describeOnCluster } from './environment.ts'
import { functionOf, saying, taking } from './manifests.ts'

describeOnCluster('from zero', () => {
  const bed = useBed('burst')

  scenario(
    bed,
    'a burst of 30 requests to one function is answered whole, by as many pods as it may have',
    async () => {
      await bed.deploy(functionOf('busy', taking(200), { scaling: { max: 6 } }))
      const answers = await Promise.all(Array.from({ length: 30 }, () => bed.call('busy')))
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 30 }, () => 200))
      expect((await bed.pods('busy')).length).toBeLessThanOrEqual(6)
    },
  )

  scenario(bed, 'ten functions that are called together all answer', async () => {
    const names = Array.from({ length: 10 }, (_, index) => `many-${index}`)
    await bed.deploy(...names.map((name) => functionOf(name, saying(name))))
    const answers = await Promise.all(names.map((name) => bed.call(name)))
    expect(answers.map(({ status }) => status)).toEqual(names.map(() => 200))
  })
})
