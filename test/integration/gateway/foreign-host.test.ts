import { afterEach, expect, test } from '@jest/globals'
import { statusAt } from '../../builders/status-at.ts'
import { GatewayWorld } from '../../fakes/gateway-world.ts'

let world: GatewayWorld
afterEach(() => world.stop())

test('a web page cannot reach a loopback management listener under a name of its own', async () => {
  world = await GatewayWorld.start()
  const url = `${world.managementUrl}/api/v1/functions`
  expect(await statusAt(url, 'evil.example:9090')).toBe(403)
  expect(await statusAt(url, '127.0.0.1.evil.example')).toBe(403)
  for (const host of ['localhost:9090', '127.0.0.1', '[::1]:9090']) expect(await statusAt(url, host)).toBe(200)
})
