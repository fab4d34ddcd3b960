import { expect, test } from '@jest/globals'
import { createFdWriter } from '../../../runtime-image/node/src/fd-writer.ts'

const failure = (code: string) => Object.assign(new Error(code), { code })

test('a write goes on where a full or short pipe stopped it', () => {
  let written = ''
  let calls = 0
  const write = createFdWriter(1, (_fd, bytes) => {
    calls++
    if (calls % 2 === 1) throw failure('EAGAIN')
    written += Buffer.from(bytes.subarray(0, 3)).toString()
    return Math.min(3, bytes.length)
  })
  write('0123456789')
  expect(written).toBe('0123456789')
})

test('after the reader went away nothing is tried again and nothing is thrown', () => {
  let calls = 0
  const write = createFdWriter(1, () => {
    calls++
    throw failure('EPIPE')
  })
  write('a')
  write('b')
  expect(calls).toBe(1)
})
