import { describe, expect, test } from '@jest/globals'
import type { LoadReport } from '../../../api/protocol.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { LoadReporter } from '../../../routing/load-reporter.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

const BUSY = { key: 'default/hello', inFlight: 1, queued: 0, meanConcurrency: 1, endpoints: {} } as const

function bed() {
  const clock = new FakeClock()
  const sent: LoadReport[] = []
  const state = { functions: [] as LoadReport['functions'], version: 1 }
  const reporter = new LoadReporter({
    clock,
    logger: silentLogger,
    controllers: {
      urls: ['http://a', 'http://b'],
      post: (_url, _path, { body }) => {
        sent.push(body as LoadReport)
        return Promise.resolve({})
      },
    },
    report: () => ({ reporter: 'gw', epoch: 'e', ...state, functions: [...state.functions] }),
  })
  reporter.start()
  /** Reports per replica in so many seconds. */
  const seconds = async (count: number) => {
    sent.length = 0
    for (let second = 0; second < count; second += 1) {
      clock.advance(1_000)
      await new Promise((resolve) => setImmediate(resolve))
    }
    return sent.length / 2
  }
  return { reporter, state, seconds }
}

describe('load reports', () => {
  test('come every second while something runs', async () => {
    const { reporter, state, seconds } = bed()
    state.functions = [BUSY]
    expect(await seconds(10)).toBe(10)
    reporter.stop()
  })

  test('come every third second when nothing runs and nothing has changed for four', async () => {
    const { reporter, seconds } = bed()
    expect(await seconds(4)).toBe(4)
    expect(await seconds(30)).toBe(10)
    reporter.stop()
  })

  test('come every second again after a change of the feed, and when something runs', async () => {
    const { reporter, state, seconds } = bed()
    await seconds(20)
    state.version = 2
    expect(await seconds(4)).toBe(4)
    await seconds(20)
    state.functions = [BUSY]
    expect(await seconds(1)).toBe(1)
    reporter.stop()
  })
})
