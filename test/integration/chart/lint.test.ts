import { expect, test } from '@jest/globals'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { VALUE_SETS } from '../../builders/chart-values.ts'
import { CHART, describeWithHelm } from '../../builders/helm.ts'

describeWithHelm('helm lint', (helm) => {
  test.each(Object.entries(VALUE_SETS))('finds nothing with %s', async (_name, values) => {
    const folder = mkdtempSync(join(tmpdir(), 'chart-'))
    try {
      writeFileSync(join(folder, 'values.json'), JSON.stringify(values))
      const { code, stdout } = await helm.run('lint', '--strict', '--values', join(folder, 'values.json'), CHART)
      expect(stdout).toContain('0 chart(s) failed')
      expect(code).toBe(0)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
