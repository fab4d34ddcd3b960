import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
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

const NO_JAVA = '/bin/false'

describe('the archive of the classes of a local Kafka', () => {
  it('is made once', async () => {
    writeFileSync(classArchiveOf(jars), '')
    await ensureClassArchive({ java: NO_JAVA, jars })
    expect(existsSync(classArchiveOf(jars))).toBe(true)
  })

  it('that cannot be made leaves nothing behind', async () => {
    await expect(ensureClassArchive({ java: NO_JAVA, jars })).rejects.toMatchObject({ code: 'start-failed' })
    expect(readdirSync(home)).toEqual(['kafka'])
    expect(readdirSync(jars)).toEqual([])
  })
})
