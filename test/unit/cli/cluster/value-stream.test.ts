import { expect, test } from '@jest/globals'
import { createValueStream } from '../../../../cli/cluster/value-stream.ts'

test('whoever asks for room waits while the reader stands still, and goes on when it reads or leaves', async () => {
  const gone = new AbortController()
  const stream = createValueStream<number>(gone.signal)
  for (let value = 0; value < 1_000; value++) stream.push(value)
  let goesOn = 0
  const pushed = stream.room().then(() => goesOn++)
  await new Promise(setImmediate)
  expect(goesOn).toBe(0)
  expect(await stream.values.next()).toEqual({ done: false, value: 0 })
  await pushed
  stream.push(1_000)
  const again = stream.room()
  gone.abort()
  await again
  await stream.room()
})
