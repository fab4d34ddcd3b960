import { afterEach, expect, test } from '@jest/globals'
import { DECIDED } from '../../../controller/autoscaler/recording.ts'
import { createLogger } from '../../../lib/logger.ts'
import { run } from '../../../scripts/e2e/run.ts'
import { eventually } from '../../builders/eventually.ts'
import { functionManifest, startPlatform, type TestPlatform } from '../../builders/local-platform.ts'

const REPLAY = new URL('../../../scripts/replay-scaling.ts', import.meta.url).pathname
let platform: TestPlatform
afterEach(() => platform.stop())

test('the log of a controller tells why it scaled, and replays to the same decisions', async () => {
  const lines: { level: string; message: string; fields: Record<string, unknown> }[] = []
  platform = await startPlatform({
    logger: createLogger({ level: 'debug', sink: (line) => lines.push(line) }),
    manifests: [functionManifest('short', 'export const handler = () => 1', { scaling: { idleAfter: '2s' } })],
  })
  await platform.invoke('short')
  const changes = () => lines.filter(({ message }) => message === 'desired pods changed')
  await eventually('it sleeps again', async () => changes().some(({ fields }) => fields['reason'] === 'idle'), {
    withinMs: 20_000,
  })
  expect(changes().map(({ level }) => level)).toEqual(changes().map(() => 'info'))
  expect(changes().find(({ fields }) => fields['reason'] === 'idle')?.fields).toMatchObject({
    ...{ function: 'default/short', from: 1, to: 0 },
    observation: { pods: 1, settings: { idleAfterMs: 2_000 } },
  })

  const log = lines.map(({ fields, ...line }) => JSON.stringify({ ...line, ...fields }))
  const decided = log.filter((line) => line.includes(DECIDED))
  const replay = (text: string) => run([process.execPath, REPLAY], { input: text })
  expect(await replay(log.join('\n'))).toMatchObject({
    code: 0,
    stdout: `${decided.length} decisions, 0 of them otherwise\n`,
  })
  const altered = decided.map((line) => line.replace('"desired":0', '"desired":3')).join('\n')
  expect(await replay(altered)).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^\S+ default\/short: 3 \(idle\), now 0 \(idle\)$/m),
  })
  expect(await replay('')).toMatchObject({ code: 2, stderr: expect.stringContaining('expected decisions') })
})
