/** What docs/pods.md shows of placement: the Runtime can be applied, the policy asks for fields that Functions have. test/e2e applies it. */
import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { parseAllDocuments } from 'yaml'
import { parseManifest } from '../../api/validate.ts'
import { readCrd, schemaOf } from '../builders/crd-server.ts'

const examples = [...readFileSync('docs/pods.md', 'utf8').matchAll(/```yaml\n(.*?)```/gs)]
  .flatMap(([, yaml = '']) => parseAllDocuments(yaml))
  .map((document) => document.toJS() as { kind: string; spec: { validations?: { expression: string }[] } })

test('the Runtime can be applied', () => {
  const runtimes = examples.filter(({ kind }) => kind === 'Runtime')
  expect(runtimes.map((runtime) => parseManifest(runtime).kind)).toEqual(['valid'])
})

test('the policy asks for fields of Functions', () => {
  const asked = examples.flatMap(({ spec }) => (spec.validations ?? []).map(({ expression }) => expression)).join()
  const fields = [...asked.matchAll(/object\.spec\.(\w+)/g)].map(([, field]) => field ?? '')
  expect(fields).toEqual(['nodeSelector', 'tolerations'])
  const { properties = {} } = schemaOf(readCrd('functions')).properties!['spec']!
  expect(Object.keys(properties)).toEqual(expect.arrayContaining(fields))
})
