import { PassThrough, type Readable } from 'node:stream'
import { expect, test } from '@jest/globals'
import { ReplayBody } from '../../../routing/replay-body.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))
async function textOf(stream: Readable): Promise<string> {
  let all = ''
  for await (const chunk of stream) all += String(chunk)
  return all
}

function body(limits: { replayLimitBytes?: number; sizeLimitBytes?: number } = {}) {
  const source = new PassThrough()
  const told = { tooLarge: 0, demanded: 0 }
  const replay = new ReplayBody(source, {
    replayLimitBytes: 10,
    sizeLimitBytes: 1_000,
    ...limits,
    onTooLarge: () => told.tooLarge++,
    onDemand: () => told.demanded++,
  })
  return { source, replay, told }
}

test('nothing is read before it is wanted', async () => {
  const { source, replay, told } = body()
  source.write('abc')
  await turn()
  expect([source.readableLength, told.demanded]).toEqual([3, 0])
  source.end()
  expect(await textOf(replay.attempt())).toBe('abc')
  expect(told.demanded).toBe(1)
})

test('a second attempt gets everything from the first byte, what came meanwhile included', async () => {
  const { source, replay, told } = body()
  const first = replay.attempt()
  source.write('abc')
  first.resume()
  await turn()
  first.destroy()
  source.end('def')
  await turn()
  expect(replay.replayable).toBe(true)
  expect(await textOf(replay.attempt())).toBe('abcdef')
  expect(told.demanded).toBe(1)
})

test('beyond the limit, or once forgotten, it streams on but cannot be sent again', async () => {
  const { source, replay } = body()
  const attempt = replay.attempt()
  source.end('x'.repeat(11))
  expect(await textOf(attempt)).toHaveLength(11)
  expect(replay.replayable).toBe(false)
  const other = body().replay
  other.forget()
  expect(other.replayable).toBe(false)
})

test('a reader that does not read holds up the source', async () => {
  const { source, replay } = body({ replayLimitBytes: 10_000_000, sizeLimitBytes: 10_000_000 })
  replay.attempt()
  let written = 0
  while (written < 1_000_000 && source.write(Buffer.alloc(10_000))) {
    written += 10_000
    await turn()
  }
  expect(written).toBeLessThan(500_000)
})

test('more than may be sent at all is told once it has come', async () => {
  const { source, replay, told } = body({ sizeLimitBytes: 5 })
  replay.attempt().resume()
  source.write('123456')
  await turn()
  expect(told.tooLarge).toBe(1)
})

test('a client that goes away ends the attempt with an error and leaves nothing to send again', async () => {
  const { source, replay } = body()
  const attempt = replay.attempt()
  const failed = new Promise((resolve) => attempt.once('error', resolve))
  source.write('abc')
  await turn()
  source.destroy()
  expect(await failed).toMatchObject({ message: 'the client went away before its request was complete' })
  expect(replay.replayable).toBe(false)
})
