import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { LineSplitter } from '../../../routing/feed-client.ts'

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
