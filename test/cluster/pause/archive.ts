/** `node archive.ts PROGRAM REFERENCE OUT`: an image that has one program and nothing else. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeLayer, writeArchive } from '../../../images/archive.ts'

const [program = '', reference = '', out = ''] = process.argv.slice(2)
// Beside the archive, to which its layer is linked.
const scratch = mkdtempSync(`${out}.`)
try {
  const root = join(scratch, 'root')
  mkdirSync(root)
  copyFileSync(program, join(root, 'pause'))
  const layer = await makeLayer(root, join(scratch, 'layer.tar'))
  writeArchive(reference, { layers: [layer], config: { Entrypoint: ['/pause'], User: '65535:65535' } }, out)
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
