import { describe, expect, test } from '@jest/globals'
import { gzipSync } from 'node:zlib'
import { unpackArchive } from '../../../../controller/code/unpack-archive.ts'
import { tar, tarGz, zip, type TarEntry, type ZipEntry } from '../../../builders/archives.ts'

const FILES = [
  { name: 'index.mjs', content: 'export const handler = () => 1' },
  { name: 'lib/deep/a.bin', content: Buffer.from([0, 255, 1]) },
]
const LIMITS = { unpackedBytes: 1_000_000, files: 10 }
const unpack = async (archive: Buffer | Promise<Buffer>) => unpackArchive(await archive, LIMITS)
const refusal = (archive: Buffer | Promise<Buffer>) =>
  unpack(archive).then(
    () => 'taken',
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  )

test.each([
  ['a zip', zip(FILES)],
  ['a gzipped tar', tarGz(FILES)],
  [
    'a gzipped tar of a folder',
    tarGz([{ name: './', type: 'directory' }, ...FILES.map((f) => ({ ...f, name: `./${f.name}` }))]),
  ],
  ['a zip with folders', zip([{ name: 'lib/', mode: 0o040755 }, ...FILES])],
  ['a tar with folders', tarGz([{ name: 'lib/', type: 'directory' }, ...FILES])],
])('%s becomes its files', async (_, archive) => {
  const { files } = await unpack(archive)
  expect([...files].map(([path, bytes]) => [path, bytes.toString('hex')])).toEqual(
    FILES.map(({ name, content }) => [name, Buffer.from(content).toString('hex')]),
  )
})

test('a path longer than a header of tar is read', async () => {
  const name = `${'a'.repeat(60)}/${'b'.repeat(60)}/${'c'.repeat(60)}`
  expect([...(await unpack(tarGz([{ name, content: 'x' }]))).files.keys()]).toEqual([name])
})

describe('times of files are kept', () => {
  const made = new Date('2026-03-01T12:00:02Z')
  const seconds = made.getTime() / 1000

  test.each([
    ['of a tar', tarGz([{ name: './public/app.js', content: 'x', mtime: made }])],
    ['of a zip', zip([{ name: 'public/app.js', content: 'x', modified: made }])],
  ])('%s', async (_, archive) => {
    expect([...(await unpack(archive)).modified]).toEqual([['public/app.js', seconds]])
  })

  test.each([0, 1, '1980-01-01T00:00:00Z', '1985-10-26T08:15:00Z', '2000-01-01T00:00:00Z', '2010-01-01T12:00:00Z'])(
    'but not %s, which a build made up',
    async (time) => {
      const { modified } = await unpack(tarGz([{ name: 'a', content: 'x', mtime: new Date(time) }]))
      expect([...modified]).toEqual([])
    },
  )

  test('nor those of packages, which are of their installation', async () => {
    const names = ['node_modules/a/index.js', 'web/node_modules/a/index.js', 'my_node_modules/a.js']
    const { modified } = await unpack(tarGz(names.map((name) => ({ name, content: 'x', mtime: made }))))
    expect([...modified.keys()]).toEqual(['my_node_modules/a.js'])
  })
})

describe('what does not stay below the root refuses the archive', () => {
  const paths = [
    '../a',
    'a/../../b',
    '/etc/passwd',
    'a/./b',
    'a//b',
    '..',
    'a\\..\\b',
    'C:\\a',
    'a\nb',
    'x'.repeat(256),
  ]
  test.each(paths)('in a tar: %j', async (name) => {
    expect(await refusal(tarGz([{ name, content: 'x' }]))).toMatch(/^code-unavailable: it contains /)
  })

  test.each(paths)('in a zip: %j', async (name) => {
    expect(await refusal(zip([{ name, content: 'x' }]))).toMatch(/^code-unavailable: it (contains|cannot be unpacked)/)
  })

  test.each(['../a/', '/a/'])('folders too: %j', async (name) => {
    expect(await refusal(tarGz([{ name, type: 'directory' }]))).toContain('does not stay below its root')
  })
})

describe('what is no file and no folder refuses the archive', () => {
  const inTar: TarEntry[] = [
    { name: 'a', type: 'symlink', linkname: '/etc/passwd' },
    { name: 'a', type: 'link', linkname: 'index.mjs' },
    { name: 'a', type: 'character-device' },
    { name: 'a', type: 'fifo' },
  ]
  test.each(inTar)('in a tar: $type', async (entry) => {
    expect(await refusal(tarGz([...FILES, entry]))).toContain('only files and folders are taken')
  })

  test.each([0o120777, 0o020644, 0o010644, 0o140755])('in a zip: mode %d', async (mode) => {
    expect(await refusal(zip([{ name: 'a', content: '/etc/passwd', mode }]))).toContain(
      'only files and folders are taken',
    )
  })

  test('but not the links that npm makes of commands: they are left out', async () => {
    const names = ['node_modules/.bin/tsc', 'a/node_modules/.bin/acorn']
    const links = names.map((name) => ({ name, type: 'symlink' as const, linkname: '../typescript/bin/tsc' }))
    const wanted = FILES.map(({ name }) => name).sort()
    for (const archive of [
      await tarGz([...FILES, ...links]),
      zip([...FILES, ...names.map((name) => ({ name, content: '../x', mode: 0o120777 }))]),
    ])
      expect([...(await unpackArchive(archive, LIMITS)).files.keys()].sort()).toEqual(wanted)
  })

  test.each(['node_modules/tsc', '.bin/tsc', 'node_modules/.bin/a/b', 'node_modules/.bin/../../a'])(
    'a link elsewhere: %j',
    async (name) => {
      expect(await refusal(tarGz([{ name, type: 'symlink', linkname: '/etc/passwd' }]))).toMatch(/it contains /)
    },
  )

  test('an encrypted file', async () => {
    expect(await refusal(zip([{ name: 'a', content: 'x', flags: 1 }]))).toContain('encrypted')
  })
})

describe('bounds are counted, not believed', () => {
  const zeros = Buffer.alloc(LIMITS.unpackedBytes + 1)
  test.each([
    ['a tar', tarGz([{ name: 'a', content: zeros }])],
    ['a zip', zip([{ name: 'a', content: zeros }])],
    ['a tar whose headers are as large', tarGz([{ name: 'a', pax: { comment: 'x'.repeat(1_100_000) }, content: 'x' }])],
    ['gzip that is no tar at all', gzipSync(Buffer.alloc(50_000_000))],
    ['two files that are too large together', zip([1, 2].map((n) => ({ name: `${n}`, content: zeros.subarray(1e5) })))],
  ])('%s that unpacks to more than the limit', async (_, archive) => {
    expect(await refusal(archive)).toContain('it unpacks to more than 1000000 bytes, which is the limit')
  })

  test.each<[string, Partial<ZipEntry>]>([
    ['less', { saysBytes: 3 }],
    ['more', { saysBytes: 3_000_000 }],
  ])('a zip whose file says that it is %s than it is', async (_, lie) => {
    expect(await refusal(zip([{ name: 'a', content: 'x'.repeat(1000), ...lie }]))).toContain('it cannot be unpacked')
  })

  test('more files than the limit', async () => {
    const many = Array.from({ length: 11 }, (_, index) => ({ name: `${index}`, content: '' }))
    for (const archive of [zip(many), await tarGz(many)])
      expect(await refusal(archive)).toContain('it contains more than 10 files')
  })

  test('folders without end', async () => {
    const many = Array.from({ length: 21 }, (_, index) => ({ name: `${index}/`, type: 'directory' as const }))
    expect(await refusal(tarGz(many))).toContain('it contains more than 10 files')
  })
})

test.each([
  ['nothing', Buffer.alloc(0), 'it is neither a zip nor a gzipped tar'],
  ['a page', Buffer.from('<html>'), 'it is neither a zip nor a gzipped tar'],
  ['a tar as it is', tar(FILES), 'it is neither a zip nor a gzipped tar'],
  ['half a gzip', tarGz(FILES).then((bytes) => bytes.subarray(0, bytes.length / 2)), 'it cannot be unpacked'],
  ['half a tar', tar(FILES).then((bytes) => gzipSync(bytes.subarray(0, 700))), 'it cannot be unpacked'],
  ['half a zip', zip(FILES).subarray(0, 80), 'it cannot be unpacked'],
  ['one name twice', zip([FILES[0]!, FILES[0]!]), 'twice'],
])('%s is refused with a sentence', async (_, archive, sentence) => {
  expect(await refusal(archive)).toContain(sentence)
})
