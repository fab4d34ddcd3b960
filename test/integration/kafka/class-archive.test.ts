import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { ensureClassArchive } from '../../../scripts/kafka/class-archive.ts'
import { classArchiveOf } from '../../../scripts/kafka/jars.ts'

let home: string
let jars: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'dormouse-jars-'))
  jars = join(home, 'kafka')
  mkdirSync(jars)
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

/** Whatever it is asked, it says nothing, and yes or no by its exit code. */
const [FITS, FAILS] = ['true', 'false']

describe('the archive of the classes of a local Kafka', () => {
  it('is left as it is when it fits', async () => {
    writeFileSync(classArchiveOf(jars), 'as it was')
    await ensureClassArchive({ java: FITS, jars })
    expect(readFileSync(classArchiveOf(jars), 'utf8')).toBe('as it was')
  })

  it('is to be made anew when it does not', async () => {
    writeFileSync(classArchiveOf(jars), 'of another JDK')
    await expect(ensureClassArchive({ java: FAILS, jars })).rejects.toMatchObject({ code: 'start-failed' })
  })

  it('that cannot be made leaves nothing behind', async () => {
    await expect(ensureClassArchive({ java: FAILS, jars })).rejects.toMatchObject({ code: 'start-failed' })
    expect(readdirSync(home)).toEqual(['kafka'])
    expect(readdirSync(jars)).toEqual([])
  })
})
