import { expect, test } from '@jest/globals'
import { gunzipSync } from 'node:zlib'
import { configMapCode, fitsInline } from '../../../../controller/code/config-map-code.ts'
import { codeFiles, digestOf, fileNames, packCode } from '../../../../controller/code/packed-code.ts'
import { isAllowedAddress } from '../../../../lib/address-policy.ts'

const bytes = (text: string) => Buffer.from(text)

test('text is kept as text and everything else in base64, in the order of their names', async () => {
  const code = codeFiles([
    ['b.bin', Buffer.from([0xff, 0])],
    ['a.mjs', bytes('é')],
    ['nul.txt', Buffer.from([0x61, 0])],
  ])
  expect(code).toEqual({ files: { 'a.mjs': 'é' }, binary: { 'b.bin': '/wA=', 'nul.txt': 'YQA=' } })
  expect(JSON.parse(gunzipSync(await packCode(code)).toString())).toEqual(code)
  expect(await fileNames(await packCode(code))).toEqual(['a.mjs', 'b.bin', 'nul.txt'])
})

test('times go along where there are any', async () => {
  const code = codeFiles([['a.mjs', bytes('é')]], new Map([['a.mjs', 1_700_000_000]]))
  expect(JSON.parse(gunzipSync(await packCode(code)).toString())).toMatchObject({
    modified: { 'a.mjs': 1_700_000_000 },
  })
  expect(await fileNames(await packCode(code))).toEqual(['a.mjs'])
})

test('the same files have the same digest in whatever order they come', () => {
  const [a, b] = [['a', bytes('1')] as const, ['b', bytes('2')] as const]
  expect(digestOf(codeFiles([a, b]))).toBe(digestOf(codeFiles([b, a])))
  expect(digestOf(codeFiles([a, b]))).not.toBe(digestOf(codeFiles([a, ['b', bytes('3')]])))
})

test.each([
  ['no files', [], 'it contains no files'],
  ['a path that leaves', [['../a', bytes('x')]], 'no relative path'],
  [
    'a file that is a folder',
    [
      ['a', bytes('x')],
      ['a/b', bytes('x')],
    ],
    '"a" is a file and a folder at once',
  ],
  ['too many', Array.from({ length: 10_001 }, (_, n) => [`${n}`, bytes('')]), 'at most 10000 are taken'],
] as [string, [string, Buffer][], string][])('%s are refused', (_, entries, sentence) => {
  expect(() => codeFiles(entries)).toThrow(sentence)
})

test('a ConfigMap is its data and its binary data', () => {
  expect(configMapCode({ data: { 'a.mjs': 'x' }, binaryData: { 'b.bin': '/wA=', 'c.txt': 'eA==' } })).toEqual({
    files: { 'a.mjs': 'x', 'c.txt': 'x' },
    binary: { 'b.bin': '/wA=' },
  })
  expect(() => configMapCode({})).toThrow('it contains no files')
})

test('what could have been written into the Function is treated as if it were', () => {
  const text = (size: number) => configMapCode({ data: { a: 'x'.repeat(size) } })
  expect(fitsInline(text(256 * 1024))).toBe(true)
  expect(fitsInline(text(256 * 1024 + 1))).toBe(false)
  expect(fitsInline(configMapCode({ binaryData: { b: '/wA=' } }))).toBe(false)
})

test.each([
  ...['127.0.0.1', '0.0.0.0', '169.254.169.254', '::1', '::', 'fe80::1', '::ffff:169.254.169.254', '::ffff:127.0.0.1'],
  ...['fd00:ec2::254', '224.0.0.1', '255.255.255.255', '64:ff9b::a9fe:a9fe', '100.100.100.200', 'no address', ''],
])('archives are not fetched from %j', (address) => {
  expect(isAllowedAddress(address, { allowsLoopback: false })).toBe(false)
})

test.each(['10.0.0.1', '192.168.1.1', '8.8.8.8', 'fd00::1', '2001:db8::1', '::ffff:10.0.0.1'])(
  'archives are fetched from %j, in the cluster as outside of it',
  (address) => expect(isAllowedAddress(address, { allowsLoopback: false })).toBe(true),
)

test('only local mode fetches from this machine', () => {
  expect(isAllowedAddress('127.0.0.1', { allowsLoopback: true })).toBe(true)
  expect(isAllowedAddress('169.254.169.254', { allowsLoopback: true })).toBe(false)
})
