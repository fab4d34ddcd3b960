/** Pages of other sites that a developer has open, against the internal listener of local mode. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { statusAt } from '../../builders/status-at.ts'
import { functionManifest, startPlatform, type TestPlatform } from '../../builders/local-platform.ts'

jest.setTimeout(60_000)

let platform: TestPlatform
beforeAll(async () => {
  platform = await startPlatform({ manifests: [functionManifest('hello', 'export const handler = async () => "hi"')] })
})
afterAll(() => platform.stop())

const post = async (path: string, origin?: string) => {
  const headers = origin === undefined ? {} : { origin }
  return (await fetch(platform.internalUrl + path, { method: 'POST', body: '{}', headers })).status
}

test.each([['/fn/default/hello'], ['/topics/orders']])('none of them can POST to %s', async (path) => {
  expect(await post(path, 'https://evil.example')).toBe(403)
})

test('programs, and pages of this machine, can', async () => {
  expect(await post('/fn/default/hello')).toBe(200)
  expect(await post('/fn/default/hello', 'http://localhost:5173')).toBe(200)
  expect(await post('/topics/orders')).toBe(200)
})

test('by DNS rebinding neither', async () => {
  const url = `${platform.internalUrl}/fn/default/hello`
  expect(await statusAt(url, 'evil.example:8081')).toBe(403)
  expect(await statusAt(url, 'hello.default')).toBe(200)
})
