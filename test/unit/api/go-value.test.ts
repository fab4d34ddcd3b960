import { expect, test } from '@jest/globals'
import { goValue } from '../../../api/go-value.ts'

test.each<[unknown, string]>([
  ['1h', '"1h"'],
  ['', '""'],
  ['ä 😀', '"ä 😀"'],
  ['"\\', String.raw`"\"\\"`],
  ['\u0000\u0007\b\f\n\r\t\v\u001f\u007f', String.raw`"\x00\a\b\f\n\r\t\v\x1f\x7f"`],
  ['\u0080\u00a0\u2028', String.raw`"\u0080\u00a0\u2028"`],
  ['\u{e0001}', String.raw`"\U000e0001"`],
  [0, '0'],
  [1.5, '1.5'],
  [true, 'true'],
  [null, 'null'],
  [undefined, 'null'],
  [{ name: '<a>' }, String.raw`{"name":"\u003ca\u003e"}`],
])('%j is printed as %s', (value, text) => expect(goValue(value)).toBe(text))
