/** User code reaches the platform it runs on, wherever that listens. */
import { afterEach, expect, jest, test } from '@jest/globals'
import type { DormouseFunction } from '../../../api/function.ts'
import { functionManifest, startPlatform, type TestPlatform } from '../../builders/local-platform.ts'

// Each test starts several processes.
jest.setTimeout(60_000)

let platform: TestPlatform
afterEach(() => platform.stop())

const CALLER = `export const handler = async ({ name }) => {
  const response = await fetch(\`\${process.env.DORMOUSE_URL}/fn/default/\${name}\`, { method: 'POST', body: '{}' })
  return { said: await response.json(), others: Object.keys(process.env).filter((name) => /^DORMOUSE_/.test(name)) }
}`

test('a function calls another over DORMOUSE_URL, the one variable of that kind it sees', async () => {
  const other = functionManifest('other', 'export const handler = async () => "hello from other"')
  platform = await startPlatform({ manifests: [functionManifest('caller', CALLER), other] })
  const response = await platform.invoke('caller', { name: 'other' })
  expect(await response.json()).toEqual({ said: 'hello from other', others: ['DORMOUSE_URL'] })
})

test('status.url is an address that can be called as it stands', async () => {
  platform = await startPlatform({
    manifests: [functionManifest('hello', 'export const handler = async () => "hi"')],
  })
  const { status } = await platform.get<DormouseFunction>('functions', 'hello')
  const response = await fetch(status?.url ?? '', { method: 'POST', body: '{}' })
  expect(await response.text()).toBe('"hi"')
})
