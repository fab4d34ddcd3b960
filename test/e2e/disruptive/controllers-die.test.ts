import { expect, jest } from '@jest/globals'
import { scenario, useBed } from '../bed.ts'
import { json, type Answer } from '../call.ts'
import { describeOnCluster } from '../environment.ts'
import { killPods, leader, partPods, restartPart, rolledOut, scalePart } from '../installation.ts'
import { startLoad } from '../load.ts'
import { functionOf, saying } from '../manifests.ts'

jest.setTimeout(480_000)
/** The design's ten seconds, and what a busy machine takes to tell. */
const NEW_LEADER_MS = 30_000

describeOnCluster('while controllers die', () => {
  const bed = useBed('controllers')

  const warmLoad = async () => {
    await bed.deploy(functionOf('warm', saying('warm'), { concurrency: 4, scaling: { min: 1 } }))
    await bed.call('warm')
    const load = startLoad(() => bed.call('warm'), { workers: 2, pauseMs: 20 })
    await load.more(20)
    return load
  }

  scenario(
    bed,
    'the leader: warm functions notice nothing, sleeping ones are woken, and another one leads soon',
    async () => {
      await bed.deploy(functionOf('sleeping', saying('sleeping')))
      const load = await warmLoad()
      const before = await leader()
      await killPods((await partPods('controller')).filter(({ metadata }) => metadata.name === before))
      expect((await bed.call('sleeping')).status).toBe(200)
      await bed.eventually('another one leads', async () => ![before, ''].includes(await leader()), NEW_LEADER_MS)
      await load.more(50)
      await load.end()
      expect(load.failures).toEqual([])
      // What only a leader does.
      await bed.deploy(functionOf('after', saying('after')))
      expect(json(await bed.call('after'))['says']).toBe('after')
      await rolledOut('controller')
    },
  )

  scenario(
    bed,
    'all of them: warm functions serve, sleeping ones are 503 with Retry-After, and all is well once they are back',
    async () => {
      await bed.deploy(functionOf('asleep', saying('asleep')))
      const load = await warmLoad()
      await scalePart('controller', 0)
      try {
        const refused = await bed.call('asleep', { timeoutMs: 90_000 })
        expect([refused.status, refused.headers['retry-after']]).toEqual([503, expect.stringMatching(/^\d+$/)])
        await load.more(50)
      } finally {
        await scalePart('controller', 2)
      }
      const woken = await bed.eventually(
        'it is woken',
        async () => {
          const answer = await bed.call('asleep')
          return answer.status === 200 && answer
        },
        60_000,
      )
      expect(json(woken)['says']).toBe('asleep')
      await load.end()
      expect(load.failures).toEqual([])
    },
  )

  scenario(bed, 'both at once, killed: warm functions serve, and who wants to wake one has it soon after', async () => {
    await bed.deploy(functionOf('wanted', saying('wanted')))
    const load = await warmLoad()
    const killed = await partPods('controller')
    expect(killed).toHaveLength(2)
    await killPods(killed)
    const answers: Answer[] = []
    await bed.eventually(
      'it is woken',
      async () => {
        answers.push(await bed.call('wanted', { timeoutMs: 90_000 }))
        return answers.at(-1)?.status === 200
      },
      120_000,
    )
    // Whoever could not wait as long was told to come again.
    for (const { status, headers } of answers.slice(0, -1))
      expect([status, headers['retry-after']]).toEqual([503, expect.stringMatching(/^\d+$/)])
    await rolledOut('controller')
    await load.more(50)
    await load.end()
    expect(load.failures).toEqual([])
    const names = (await partPods('controller')).map(({ metadata }) => metadata.name)
    expect(names).toHaveLength(2)
    for (const { metadata } of killed) expect(names).not.toContain(metadata.name)
  })

  scenario(bed, 'one after the other, as in an upgrade: no request fails, warm or waking', async () => {
    const names = ['one', 'two', 'three']
    await bed.deploy(...names.map((name) => functionOf(name, saying(name), { scaling: { idleAfter: '2s' } })))
    const load = await warmLoad()
    let calls = 0
    // Each has slept for a while when its turn comes.
    const waking = startLoad(() => bed.call(names[calls++ % names.length]!), { workers: 1, pauseMs: 3_000 })
    await restartPart('controller')
    await Promise.all([load.more(50), waking.more(2, 60_000)])
    await Promise.all([load.end(), waking.end()])
    expect([load.failures, waking.failures]).toEqual([[], []])
  })
})
