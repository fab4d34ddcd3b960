import { expect, test } from '@jest/globals'
import { run } from '../../../scripts/e2e/run.ts'

const DEMO = new URL('../../../scripts/demo.ts', import.meta.url).pathname
const LIMIT_MS = 180_000

test(
  'the demo does the main job from manifest to sleep, says what it measured, and leaves nothing',
  async () => {
    const { code, stdout, stderr } = await run([process.execPath, DEMO], { timeoutMs: LIMIT_MS })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const steps = [...stdout.matchAll(/^(\d) {2}/gm)].map(([, number]) => number)
    expect(steps).toEqual(['1', '2', '3', '4', '5'])
    expect(stdout).toMatch(/requests under load +\d+ pods at most +\d{3,}, 0 failed/)
    expect(stdout).toMatch(/orders placed, paid, confirmed +\d+ retries +\d{3,}, 0 lost/)
    expect(stdout).toMatch(/dead letter of payment +[1-9]\d* replayed, 0 left/)
  },
  LIMIT_MS,
)
