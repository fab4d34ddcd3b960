import { afterEach, expect, test } from '@jest/globals'
import { request } from 'node:http'
import { GatewayWorld } from '../../fakes/gateway-world.ts'

let world: GatewayWorld
afterEach(() => world.stop())

function status(url: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const call = request(url, { headers: { host }, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    call.on('error', reject)
    call.end()
  })
}

test('a web page cannot reach a loopback management listener under a name of its own', async () => {
  world = await GatewayWorld.start()
  const url = `${world.managementUrl}/api/v1/functions`
  expect(await status(url, 'evil.example:9090')).toBe(403)
  expect(await status(url, '127.0.0.1.evil.example')).toBe(403)
  for (const host of ['localhost:9090', '127.0.0.1', '[::1]:9090']) expect(await status(url, host)).toBe(200)
})
