import { expect, test } from '@jest/globals'
import { goJson } from '../../../kube/client-node/go-json.ts'

test('keys are in the order in which Go writes those of a map, at any depth, also such as look like numbers', () => {
  const value = { b: { z: 1, a: [{ y: 1, x: 2 }] }, a: null, 9: true, 10: false }
  expect(goJson(value)).toBe('{"10":false,"9":true,"a":null,"b":{"a":[{"x":2,"y":1}],"z":1}}')
})

test('characters that Go escapes are escaped, in keys and values', () => {
  expect(goJson({ 'a<b': 'x => y && z\u2028' })).toBe(String.raw`{"a\u003cb":"x =\u003e y \u0026\u0026 z\u2028"}`)
})

test('it means the same as JSON.stringify', () => {
  for (const value of [undefined, null, 'a"\n', 1.5, [undefined, 1], { a: undefined, b: { c: [] } }, {}])
    expect(JSON.parse(goJson(value))).toEqual(JSON.parse(JSON.stringify(value) ?? 'null'))
})
