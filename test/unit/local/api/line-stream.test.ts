import { expect, test } from '@jest/globals'
import { createLineStream } from '../../../../local/api/line-stream.ts'

async function all(lines: AsyncIterable<string>): Promise<unknown[]> {
  let text = ''
  for await (const chunk of lines) text += chunk
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as unknown)
}

test('what was pushed comes out in order, and ends when it is ended', async () => {
  const stream = createLineStream(new AbortController().signal)
  stream.push({ n: 1 })
  const reading = all(stream.lines)
  stream.push({ n: 2 })
  stream.end()
  expect(await reading).toEqual([{ n: 1 }, { n: 2 }])
})

test('a reader that does not read loses the oldest lines, not our memory', async () => {
  const stream = createLineStream(new AbortController().signal)
  for (let n = 0; n < 10_005; n += 1) stream.push(n)
  stream.end()
  const got = await all(stream.lines)
  expect([got.length, got[0]]).toEqual([10_000, 5])
})

test('a reader that does not read loses long lines sooner, and is told how many it lost where that is asked for', async () => {
  const long = 'x'.repeat(1024 * 1024)
  const stream = createLineStream(new AbortController().signal, { lost: (lost) => ({ lost }) })
  for (let n = 0; n < 20; n += 1) stream.push(`${n}${long}`)
  stream.end()
  const [told, next, ...more] = (await all(stream.lines)) as [unknown, string, ...string[]]
  expect([told, parseInt(next), more.length]).toEqual([{ lost: 13 }, 13, 6])
})

test('what is there first comes whole, before the rest', async () => {
  const first = Array.from({ length: 10_005 }, (_, n) => n)
  const stream = createLineStream(new AbortController().signal, { first })
  stream.push('later')
  stream.end()
  const got = await all(stream.lines)
  expect([got.length, got[0], got.at(-1)]).toEqual([10_006, 0, 'later'])
})

test('it ends at once when the reader goes away', async () => {
  const gone = new AbortController()
  const stream = createLineStream(gone.signal)
  const reading = all(stream.lines)
  gone.abort()
  stream.push('late')
  expect(await reading).toEqual([])
})
