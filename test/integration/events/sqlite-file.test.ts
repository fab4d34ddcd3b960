import { expect, test } from '@jest/globals'
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { StoreError } from '../../../lib/sqlite/store-error.ts'
import { newRecord, useSqliteBed } from './sqlite-bed.ts'

const bed = useSqliteBed()

function refusal(): StoreError {
  try {
    bed.open()
  } catch (error) {
    if (error instanceof StoreError) return error
    throw error
  }
  throw new Error('expected the log not to open')
}

test('a file that another process has open is refused, and usable once that process is killed', async () => {
  const other = bed.run('hold')
  expect(await other.next()).toMatchObject({ opened: expect.any(Number) })
  const { code, message } = refusal()
  expect(code).toBe('Locked')
  expect(message).toBe(`${bed.path} is in use by another process: stop it first`)
  await other.kill()
  await bed.open().send([newRecord('a')])
})

test('a second log on the same file in the same process is refused, too', async () => {
  const log = bed.open()
  expect(refusal().code).toBe('Locked')
  await log.close()
  bed.open()
})

test.each([
  ['not a database', (path: string) => writeFileSync(path, 'hello, this is not a database at all\n'.repeat(20))],
  ['cut short', (path: string) => truncateSync(path, Math.floor(statSync(path).size / 2 / 4096) * 4096)],
  [
    'overwritten in the middle',
    (path: string) => {
      const bytes = readFileSync(path)
      bytes.fill(0xa5, 4096 * 3, 4096 * 12)
      writeFileSync(path, bytes)
    },
  ],
])('a damaged file is named and left as it is: %s', async (_what, damage) => {
  const log = bed.open()
  for (let n = 0; n < 200; n++) void log.send([newRecord('x'.repeat(1_000))])
  await log.send([newRecord('last')])
  await log.close()
  damage(bed.path)
  const before = readFileSync(bed.path)
  const { code, message } = refusal()
  expect(code).toBe('Damaged')
  expect(message).toContain(`${bed.path} is damaged (`)
  expect(message).toContain('put a backup in its place')
  expect(readFileSync(bed.path).equals(before)).toBe(true)
})

test('another program’s database is not touched', () => {
  const other = new DatabaseSync(bed.path)
  other.exec('CREATE TABLE mine (a)')
  other.close()
  const before = readFileSync(bed.path)
  expect(refusal().code).toBe('WrongVersion')
  expect(readFileSync(bed.path).equals(before)).toBe(true)
})

test('the file is for its owner only', () => {
  bed.open()
  expect(statSync(bed.path).mode & 0o777).toBe(0o600)
})
