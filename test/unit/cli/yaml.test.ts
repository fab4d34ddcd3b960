import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { toYaml } from '../../../cli/output/yaml.ts'
import { parseExactly } from '../../../lib/exact-json.ts'

const OTHER_TYPES = 'yes No on off y N 1_000 0b11 0o17 010 1e3 12:30:45 2026-01-01 .inf ~ null = <<'.split(' ')
const OTHER_CHARACTERS = ['\ufeffcode\n', 'a\u2028b\n', 'a\u0085b', 'del \u007f', '\tif\n\tx\n', '  \n']
const PLAIN = ['30s', '128Mi', 'hello', 'kafka:9092', 'index.handler', 'first\nsecond\n']

test.each([...OTHER_TYPES, ...OTHER_CHARACTERS, ...PLAIN])(
  '%j is the text it was for those who read YAML 1.1',
  (text) => {
    const written = toYaml({ value: text, [text]: 'name' })
    for (const version of ['1.1', '1.2'] as const)
      expect(parse(written, { version })).toEqual({ value: text, [text]: 'name' })
  },
)

// As kubectl's parser, of which the one above is kinder.
test.each(OTHER_TYPES)('%s is quoted', (text) => expect(toYaml([text])).toBe(`- "${text}"\n`))
test.each(OTHER_CHARACTERS)('%j is written with escapes', (text) =>
  expect(toYaml([text])).toMatch(/^- "[\x20-\x7e]+"\n$/),
)

test('what needs no quotes has none', () => {
  expect(toYaml(PLAIN)).toBe('- 30s\n- 128Mi\n- hello\n- kafka:9092\n- index.handler\n- |\n  first\n  second\n')
})

test('numbers that no double holds have their digits', () => {
  expect(toYaml(parseExactly('{"id":12345678901234567890,"half":0.5}'))).toBe('id: 12345678901234567890\nhalf: 0.5\n')
})
