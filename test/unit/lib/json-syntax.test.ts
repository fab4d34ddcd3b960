import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { isJsonSyntax } from '../../../lib/json-syntax.ts'

/** The oracle: as Latin-1, where every byte is a character and those that make JSON well-formed are the same. */
function isParsed(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString('latin1'))
    return true
  } catch {
    return false
  }
}

const bytesOf = (text: string) => Buffer.from(text, 'latin1')
const json = fc.jsonValue({ maxDepth: 6 })
const indents = fc.constantFrom('', ' ', '\t', '   ')
/** What JSON is made of, so that nearly right texts are found. */
const pieces = fc.array(
  fc.constantFrom(
    ...[
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"',
      '"a"',
      '"\\u00',
      '00"',
      '\\',
      '-',
      '0',
      '1',
      '12',
      '.',
      '.5',
      'e',
      'E+',
      '3',
      ' ',
    ],
    ...['\t', '\n', 'true', 'false', 'null', 'tru', 'n', '\u0001', '\u00ff', '"a":', '\u00a0', '+', 'NaN'],
  ),
  { maxLength: 12 },
)

describe('whether bytes are JSON is said as JSON.parse says it', () => {
  test('of JSON, indented or not', () => {
    fc.assert(
      fc.property(json, indents, (value, indent) => {
        expect(isJsonSyntax(Buffer.from(JSON.stringify(value, null, indent)))).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  test('of JSON with a byte changed, taken out or put in', () => {
    const change = fc.record({ at: fc.nat(), by: fc.integer({ min: 0, max: 255 }), how: fc.nat(2) })
    fc.assert(
      fc.property(json, change, (value, { at, by, how }) => {
        const bytes = [...Buffer.from(JSON.stringify(value))]
        bytes.splice(at % (bytes.length + 1), how === 2 ? 0 : 1, ...(how === 0 ? [] : [by]))
        const changed = Buffer.from(bytes)
        expect(isJsonSyntax(changed)).toBe(isParsed(changed))
      }),
      { numRuns: 5_000 },
    )
  })

  test('of the pieces JSON is made of, in any order', () => {
    fc.assert(
      fc.property(pieces, (texts) => {
        const bytes = bytesOf(texts.join(''))
        expect(isJsonSyntax(bytes)).toBe(isParsed(bytes))
      }),
      { numRuns: 20_000 },
    )
  })

  test.each([
    ...[
      '',
      ' ',
      'nul',
      'nullx',
      'null null',
      '01',
      '-',
      '-0',
      '1.',
      '.1',
      '1e',
      '1e+',
      '1E-07',
      '0e0',
      '1a',
      '"',
      '"\\"',
      '"\\x"',
      '"\\u12g4"',
      '"\\u12',
    ],
    ...[
      '"a\nb"',
      '[]',
      '[ ]',
      '[,]',
      '[1,]',
      '[1 2]',
      '{}',
      '{ }',
      '{,}',
      '{"a"}',
      '{"a":}',
      '{"a":1,}',
      '{1:1}',
      '[}',
      '{]',
      '[1}',
      ']',
      '}',
      ',',
      ':',
    ],
    ...[
      '\ufeff{}',
      '[[[[]]]]',
      '{"a":{"b":[{},[],{"c":null}]}} ',
      '{"a":1}}',
      '[[]',
      '\u00e4',
      '"\u00e4"',
      '\u00a01',
      '1\f',
    ],
  ])('of %j', (text) => {
    const bytes = bytesOf(text)
    expect(isJsonSyntax(bytes)).toBe(isParsed(bytes))
  })

  test('however deep it is', () => {
    const deep = '['.repeat(200_000)
    expect(isJsonSyntax(bytesOf(deep + ']'.repeat(200_000)))).toBe(true)
    expect(isJsonSyntax(bytesOf(deep + ']'.repeat(199_999)))).toBe(false)
  })
})
