import { expect, test } from '@jest/globals'
import { parseSpecialization } from '../../../runtime-image/node/src/specialization.ts'

const VALID = {
  podUid: 'p',
  expiresAt: 1,
  function: { namespace: 'n', name: 'f', uid: 'u' },
  revision: 'r',
  handler: 'index.handler',
  signature: 'event',
  files: { 'index.mjs': '' },
  env: {},
  timeoutMs: 1000,
  concurrency: 1,
  memoryMb: 128,
  dataKey: 'k',
}

test('a whole body is taken as it is', () => {
  expect(parseSpecialization(JSON.stringify(VALID))).toEqual({
    kind: 'valid',
    value: { ...VALID, binary: {}, modified: {} },
  })
})

test.each<[object, string]>([
  [{ signature: 'grpc' }, 'signature must be event, http or cloudevent, got "grpc"'],
  [{ concurrency: 0 }, 'concurrency must be a number of at least 1, got 0'],
  [{ dataKey: '' }, 'dataKey must be a non-empty string, got ""'],
  [{ function: [] }, 'function must be an object, got []'],
  [{ env: { A: 1 } }, 'env["A"] must be a string, got 1'],
  [{ files: {} }, 'files must name at least one file, got none'],
  [{ files: { a: 1 } }, 'files["a"] must be a string, got 1'],
  [{ files: { 'a//b': '' } }, 'files["a//b"]: the name must be a relative path without "." or ".."'],
  [{ files: { './b': '' } }, 'files["./b"]: the name must be a relative path without "." or ".."'],
  [{ files: { 'a\\b': '' } }, 'files["a\\b"]: the name must be a relative path without "." or ".."'],
  [{ files: { 'a/b': '', a: '' } }, 'files["a/b"]: "a" is a file, not a directory'],
])('%j is refused with a sentence', (change, message) => {
  expect(parseSpecialization(JSON.stringify({ ...VALID, ...change }))).toEqual({ kind: 'invalid', message })
})

test('each missing field is named', () => {
  for (const name of Object.keys(VALID).filter((field) => field !== 'env')) {
    const parsed = parseSpecialization(JSON.stringify({ ...VALID, [name]: undefined }))
    expect(parsed).toMatchObject({ kind: 'invalid', message: expect.stringContaining(name) })
  }
})
