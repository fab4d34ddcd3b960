import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { LogTail, TAIL_BYTES } from '../../../runtime-image/node/src/log-tail.ts'

test('the tail is the last 4 KB of everything appended, without half a character in front', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'grapheme', maxLength: 3000, size: 'max' }), { maxLength: 12 }),
      (chunks) => {
        const tail = new LogTail()
        for (const chunk of chunks) tail.append(chunk)
        const whole = Buffer.from(chunks.join(''))
        const kept = Buffer.from(tail.toBase64(), 'base64')
        expect(whole.subarray(whole.length - kept.length).equals(kept)).toBe(true)
        expect(kept.length).toBeGreaterThanOrEqual(Math.min(whole.length, TAIL_BYTES - 3))
        expect(kept.length).toBeLessThanOrEqual(TAIL_BYTES)
      },
    ),
    { numRuns: 50 },
  )
})
