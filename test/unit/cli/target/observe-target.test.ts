import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CliContext } from '../../../../cli/context.ts'
import { findTarget } from '../../../../cli/target/observe-target.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dormouse-target-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const contextWith = (environment: Record<string, string>) => ({ cwd: folder, environment }) as unknown as CliContext
const kubeconfig = (name: string, text: string) => {
  mkdirSync(join(folder, '.kube'), { recursive: true })
  writeFileSync(join(folder, '.kube', name), text)
  return join(folder, '.kube', name)
}

test('~/.kube/config with a current context is a cluster', async () => {
  kubeconfig('config', 'current-context: dev\n')
  expect(await findTarget(contextWith({ HOME: folder }), {})).toEqual({ kind: 'cluster' })
})

test('of the files in KUBECONFIG one with a current context is enough', async () => {
  const empty = kubeconfig('empty', 'kind: Config\n')
  const full = kubeconfig('full', 'current-context: dev\n')
  const none = join(folder, 'none')
  expect(await findTarget(contextWith({ KUBECONFIG: `${none}:${empty}:${full}` }), {})).toEqual({ kind: 'cluster' })
})

test.each([
  ['without a current context', 'kind: Config\n'],
  ['that is no YAML', '{{{'],
])('a kubeconfig %s leaves the local instance', async (_what, text) => {
  kubeconfig('config', text)
  expect(await findTarget(contextWith({ HOME: folder }), {})).toMatchObject({ kind: 'instance' })
})
