/** The tests that lie beside the examples' code are run as their users would: with node alone, from anywhere. */
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'

const EXAMPLES = fileURLToPath(new URL('../../../examples/', import.meta.url))
const FILES = globSync('**/*.test.mjs', { cwd: EXAMPLES })

test('there are some', () => {
  expect(FILES.length).toBeGreaterThanOrEqual(2)
})

test.each(FILES)('examples/%s passes without any platform', (file) => {
  const env = { PATH: process.env['PATH'] }
  const { status, stdout } = spawnSync(process.execPath, ['--test', join(EXAMPLES, file)], { cwd: tmpdir(), env })
  expect({ status, stdout: String(stdout) }).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^# fail 0$|ℹ fail 0/m),
  })
})
