/** What readers copy: the whole manifests of the documentation and of what `helm install` prints. */
import { expect, test } from '@jest/globals'
import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseAllDocuments } from 'yaml'
import { API_VERSION } from '../../../api/names.ts'
import { parseManifest } from '../../../api/validate.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const PAGES = ['README.md', 'docs/*.md', 'examples/*/README.md', 'charts/dormouse/README.md']
const textOf = (page: string) => readFileSync(`${ROOT}${page}`, 'utf8')

const blocks = globSync(PAGES, { cwd: ROOT }).flatMap((page) =>
  [...textOf(page).matchAll(/^```yaml\n([^]*?)^```/gm)].map(([, block = '']) => [page, block] as const),
)
const NOTES = 'charts/dormouse/templates/NOTES.txt'
const [, printed = ''] = /<<'EOF'\n([^]*?)^ *EOF$/m.exec(textOf(NOTES)) ?? []
const manifests = [...blocks, [NOTES, printed.replace(/^ {2}/gm, '')] as const]
  .filter(([, block]) => block.includes(`apiVersion: ${API_VERSION}`))
  .flatMap(([page, block]) => parseAllDocuments(block).map((document) => [page, document.toJS() as object] as const))

test('whole manifests are found', () => expect(manifests.length).toBeGreaterThanOrEqual(8))

test.each(manifests)('of %s are taken', (_page, manifest) => {
  expect(parseManifest(manifest)).toMatchObject({ kind: 'valid' })
})
