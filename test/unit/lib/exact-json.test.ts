import { describe, expect, test } from '@jest/globals'
import { exactValue, parseExactly } from '../../../lib/exact-json.ts'

describe('JSON that is read to be written again', () => {
  test.each([
    '12345678901234567890',
    '{"id":9223372036854775807,"ids":[-9223372036854775808,{"x":0.12345678901234567890}]}',
    '[1e999,-1e400]',
    '{"__proto__":{"n":12345678901234567890}}',
  ])('keeps every digit of %s', (text) => {
    expect(JSON.stringify(parseExactly(text))).toBe(text)
  })

  test('has numbers for numbers that a double holds', () => {
    const text = '{"a":1.0,"b":9007199254740991,"c":"12345678901234567890","d":[1e3,0.1,18.123456789012344],"e":null}'
    expect(parseExactly(text)).toEqual(JSON.parse(text))
  })

  test('is read however deep it is', () => {
    const deep = `${'['.repeat(100_000)}12345678901234567890${']'.repeat(100_000)}`
    expect(parseExactly(deep)).toHaveLength(1)
  })

  test('is refused when it is none', () => {
    expect(() => parseExactly('{"a":12345678901234567890')).toThrow(SyntaxError)
  })
})

test('for other forms its whole numbers are such, whatever their size; of others the nearest, or their text', () => {
  const read = parseExactly('[12345678901234567890,0.12345678901234567890,1e999,1,"x"]') as unknown[]
  expect(read.map(exactValue)).toEqual([12345678901234567890n, 0.12345678901234568, '1e999', 1, 'x'])
})
