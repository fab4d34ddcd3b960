import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { setImmediate as turn } from 'node:timers/promises'
import { silentLogger } from '../../../lib/logger.ts'
import { FeedClient, LineSplitter } from '../../../routing/feed-client.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

test('property: however the bytes are cut, the lines are the same', () => {
  const line = fc
    .string({ unit: 'binary' })
    .filter((text) => text !== '' && !text.includes('\n') && !text.includes('\ufeff'))
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat()), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''))
      const at = [...new Set(cuts.map((cut) => (bytes.length === 0 ? 0 : cut % bytes.length)))].sort((a, b) => a - b)
      const splitter = new LineSplitter()
      const seen = [...at, bytes.length].flatMap((end, i) => splitter.push(bytes.subarray(at[i - 1] ?? 0, end)))
      expect(seen).toEqual(lines)
    }),
  )
})

test('bytes that are no text are an error, not a guess', () => {
  expect(() => new LineSplitter().push(Buffer.from([0xff, 0xfe, 0x0a]))).toThrow()
})

test('a replica that comes is asked at once, and soon again, however long the others have been away', async () => {
  const clock = new FakeClock()
  const asked: string[] = []
  const controllers = {
    urls: ['http://old'],
    open: (url: string) => {
      asked.push(url)
      return Promise.reject(new Error('away'))
    },
  }
  const feed = new FeedClient({ controllers, clock, logger: silentLogger, onChange: () => undefined, random: () => 0 })
  feed.start()
  for (let tries = 0; tries < 8; tries++) {
    await turn()
    clock.advance(2_000)
  }
  await turn()
  const before = asked.length
  controllers.urls = ['http://new']
  await turn()
  expect(asked).toHaveLength(before)
  feed.retryNow()
  await turn()
  expect(asked.slice(before)).toEqual(['http://new'])
  clock.advance(50)
  await turn()
  expect(asked).toHaveLength(before + 2)
  await feed.stop()
})
