import { expect, test } from '@jest/globals'
import { useBed } from './bed.ts'
import { describeOnCluster } from './environment.ts'
import { functionOf, saying, triggerOf } from './manifests.ts'

describeOnCluster('the API server refuses, and says what was expected,', () => {
  const bed = useBed('bad')
  const code = saying('hello')

  test.each([
    ['a timeout that is no duration', functionOf('bad', code, { timeout: 'soon' }), /timeout.*expected/i],
    ['a timeout beyond 15 minutes', functionOf('bad', code, { timeout: '1h' }), /timeout.*15m/i],
    ['a name of a file that leaves its folder', functionOf('bad', code, { handler: '../x.handler' }), /handler/i],
    ['a field that nobody knows', functionOf('bad', code, { replicas: 3 }), /unknown field "spec.replicas"/],
    ['a Trigger of no kind', triggerOf('bad', 'hello', {}), /exactly one of/i],
    [
      'a Trigger of two kinds',
      triggerOf('bad', 'hello', { http: { path: '/x' }, cron: { schedule: '0 6 * * *' } }),
      /exactly one of/i,
    ],
    ['a schedule that is none', triggerOf('bad', 'hello', { cron: { schedule: 'at dawn' } }), /schedule/i],
  ])('%s', async (_what, manifest, sentence) => {
    expect(await bed.refusal(manifest)).toMatch(sentence)
  })
})
