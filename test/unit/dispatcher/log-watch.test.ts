import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { LogWatch } from '../../../dispatcher/log-watch.ts'
import { EventLogError, type EventLog } from '../../../events/event-log.ts'
import { createLogger } from '../../../lib/logger.ts'
import { createMetrics } from '../../../lib/metrics.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

const refused = () => Promise.reject(new EventLogError('unavailable', 'connect ECONNREFUSED 10.0.0.9:9092'))

function bed() {
  const clock = new FakeClock()
  const metrics = createMetrics()
  const said: string[] = []
  const state: { describe: EventLog['describe']; asked: number } = { describe: async () => [], asked: 0 }
  const watch = new LogWatch({
    ...{ clock, metrics },
    log: { describe: (topics) => (state.asked++, state.describe(topics)) },
    logger: createLogger({ sink: ({ message }) => said.push(message) }),
  })
  const available = async () =>
    /^dormouse_dispatcher_event_log_available (\d)$/m.exec(await metrics.registry.metrics())?.[1]
  return { clock, state, watch, said, available }
}

test('a log that answers is reachable, one that fails is not and says why', async () => {
  const { watch, state } = bed()
  expect(await watch.look()).toEqual({ reachable: true })
  state.describe = refused
  expect(await watch.look()).toEqual({ reachable: false, message: 'connect ECONNREFUSED 10.0.0.9:9092' })
})

test('one that says nothing is not reachable after 3 s', async () => {
  const { watch, state, clock } = bed()
  state.describe = () => new Promise(() => undefined)
  const look = watch.look()
  clock.advance(2_999)
  expect(await Promise.race([look, turn('not yet')])).toBe('not yet')
  clock.advance(1)
  expect(await look).toEqual({ reachable: false, message: 'no answer within 3 s' })
})

test('is asked every 15 s: the gauge follows, and each change is in the log once', async () => {
  const { watch, state, clock, said, available } = bed()
  const later = async (times: number) => {
    for (let n = 0; n < times; n++) {
      clock.advance(15_000)
      await turn()
    }
  }
  expect(await available()).toBe('0')
  watch.start()
  await turn()
  expect(await available()).toBe('1')
  await later(2)
  state.describe = refused
  await later(3)
  expect(await available()).toBe('0')
  state.describe = async () => []
  await later(2)
  expect(await available()).toBe('1')
  expect(said).toEqual([
    'the event log answers',
    'the event log does not answer: events wait in it',
    'the event log answers',
  ])
  expect(state.asked).toBe(8)
  watch.stop()
  await later(3)
  expect([state.asked, clock.pending]).toEqual([8, 0])
})
