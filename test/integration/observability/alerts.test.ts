/** Alert rules by promtool: they are valid, fire when they should and are silent when they should be (test/prometheus). */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import { RULES_FILE } from '../../../scripts/observability/queries.ts'
import { missing } from '../../builders/prometheus.ts'

const FOLDER = fileURLToPath(new URL('../../prometheus/', import.meta.url))
const reason = missing('promtool')
const suite = reason === undefined ? describe : describe.skip

suite(`promtool${reason === undefined ? '' : ` [skipped: ${reason}]`}`, () => {
  const promtool = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: FOLDER, encoding: 'utf8' })
    return { status, said: `${stdout}${stderr}` }
  }

  test('finds the rules valid', () => {
    expect(promtool('check', 'rules', RULES_FILE)).toEqual({ status: 0, said: expect.stringContaining('SUCCESS') })
  })

  test.each(readdirSync(FOLDER))('sees the alerts of %s fire and be silent', (file) => {
    expect(promtool('test', 'rules', file)).toEqual({ status: 0, said: expect.stringContaining('SUCCESS') })
  })
})
