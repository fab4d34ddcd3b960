import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import type { ApiClient } from '../../../cli/client/api-client.ts'
import { DevSession, type SessionReport } from '../../../cli/dev/dev-session.ts'
import { until } from '../../builders/eventually.ts'

let cwd: string
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'dormouse-session-'))
})
afterEach(() => rmSync(cwd, { recursive: true }))

const write = (timeout: string) =>
  writeFileSync(
    join(cwd, 'fn.yaml'),
    `apiVersion: dormouse.dev/v1alpha1\nkind: Function\nmetadata: { name: hello }\nspec: { runtime: node, timeout: ${timeout}, code: { inline: { index.mjs: '1' } } }\n`,
  )

test('a save while an earlier one is being applied comes after it, and counts', async () => {
  const arrived: string[] = []
  const held: (() => void)[] = []
  const client = {
    apply: ([manifest]: { spec: { timeout: string } }[]) => {
      arrived.push(manifest!.spec.timeout)
      return new Promise((resolve) => held.push(() => resolve([])))
    },
  } as unknown as ApiClient
  const session = new DevSession({
    ...{ sources: ['fn.yaml'], cwd, client, signal: new AbortController().signal },
    report: {} as SessionReport,
  })
  write('1s')
  const first = session.sync()
  await until(() => arrived.length === 1)
  write('2s')
  const second = session.sync()
  for (let turns = 0; turns < 50; turns++) await turn()
  expect(arrived).toEqual(['1s'])
  held[0]?.()
  await first
  await until(() => arrived.length === 2)
  held[1]?.()
  await second
  expect(arrived).toEqual(['1s', '2s'])
  await session.sync()
  expect(arrived).toHaveLength(2)
})

test('a save after one that failed is applied', async () => {
  let tries = 0
  const client = { apply: () => (++tries === 1 ? Promise.reject(new Error('away')) : Promise.resolve([])) }
  const session = new DevSession({
    ...{ sources: ['fn.yaml'], cwd, client: client as unknown as ApiClient, signal: new AbortController().signal },
    report: {} as SessionReport,
  })
  write('1s')
  await expect(session.sync()).rejects.toThrow('away')
  await session.sync()
  expect(tries).toBe(2)
})
