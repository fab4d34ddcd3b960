import { expect, test } from '@jest/globals'
import { setImmediate as turn } from 'node:timers/promises'
import { createDispatcher } from '../../../dispatcher/dispatcher.ts'
import type { EventLog } from '../../../events/event-log.ts'
import { MemoryLedger } from '../../../events/memory-ledger.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { createMetrics } from '../../../lib/metrics.ts'
import { Router } from '../../../routing/router.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

test('a dispatcher that is stopped while it looks how far topics reach leaves no timer: one would keep its process for ever', async () => {
  const clock = new FakeClock()
  const router = new Router({ controllerUrls: [], token: () => '', reporter: 'test', logger: silentLogger })
  const dispatcher = createDispatcher({
    ...{ router, clock, logger: silentLogger, metrics: createMetrics() },
    ledger: new MemoryLedger({ entries: 1, resultBytes: 1, maxAgeMs: 1, now: clock.now }),
    // Without Triggers and functions nothing is asked of it.
    log: {} as EventLog,
  })
  dispatcher.start()
  clock.advance(1_000)
  await dispatcher.stop()
  await turn()
  expect(clock.pending).toBe(0)
  await router.stop()
})
