import { expect, test } from '@jest/globals'
import type { LoadedManifest } from '../../../../cli/manifests/load-manifests.ts'
import { mistakesIn } from '../../../../cli/manifests/server-mistakes.ts'

const located: string[] = []
const loaded = {
  file: 'a.yaml',
  locate: (path: string) => {
    located.push(path)
    return { line: 7, column: 3 }
  },
} as unknown as LoadedManifest

const mistakes = (message: string) =>
  mistakesIn({ kind: 'Function', name: 'a', outcome: 'refused', message }, loaded).map((one) => one.message)

test.each([
  [
    'one rule',
    'patch Function n/a: Function.dormouse.dev "a" is invalid: spec.timeout: Invalid value: "1h": timeout must be between 1s and 15m',
    ['spec.timeout: Invalid value: "1h": timeout must be between 1s and 15m'],
  ],
  [
    'several, in brackets and with commas inside',
    'Function.dormouse.dev "a" is invalid: [spec.env[0].name: Invalid value: "1": expected letters, digits or _, spec: Invalid value: "object": exactly one of runtime, image must be set]',
    [
      'spec.env[0].name: Invalid value: "1": expected letters, digits or _',
      'spec: Invalid value: "object": exactly one of runtime, image must be set',
    ],
  ],
  [
    'unknown fields',
    'strict decoding error: unknown field "spec.colour", unknown field "spec.size"',
    ['unknown field "spec.colour"', 'unknown field "spec.size"'],
  ],
  ['nothing about a field', 'namespaces "x" not found', []],
])('%s', (_what, message, want) => {
  expect(mistakes(message)).toEqual(want)
})

test('each is looked up by its own path', () => {
  located.length = 0
  mistakes('Function.dormouse.dev "a" is invalid: [spec.env[0].name: Required value, spec.timeout: Required value]')
  expect(located).toEqual(['spec.env[0].name', 'spec.timeout'])
})
