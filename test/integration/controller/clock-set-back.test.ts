import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, jest, test } from '@jest/globals'
import { until } from '../../builders/eventually.ts'
import { activate, ControllerBed, endpointOf, FeedReader } from './controller-bed.ts'

let bed: ControllerBed
beforeEach(() => {
  bed = new ControllerBed()
})
afterEach(async () => {
  jest.restoreAllMocks()
  await bed.stop()
})

jest.setTimeout(60_000)

test('a function goes to sleep when its time has come, although the time of day was set back by an hour', async () => {
  await bed.start()
  const process = await bed.controller()
  await bed.function('hello', { scaling: { min: 0, max: 1, target: 1, idleAfter: '4s', maxPodAge: '4h' } })
  const reader = await new FeedReader().open(process)
  endpointOf(await activate(process, 'hello'))
  await until(() => reader.endpoints('hello').length === 1)

  const reporting = setInterval(() => void reader.report(process), 200)
  // The autoscaler has seen it awake.
  await delay(2_200)

  const now = Date.now.bind(Date)
  jest.spyOn(Date, 'now').mockImplementation(() => now() - 3_600_000)
  await until(() => reader.endpoints('hello').length === 0, 25_000).finally(() => clearInterval(reporting))
  reader.close()
})
