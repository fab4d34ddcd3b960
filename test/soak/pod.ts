/**
 * The function of a soak, as a pod: of all records some fail the first time, some always. Remembers every call, and tells them when it is
 * asked over IPC. Arguments: per cent that fail once, per cent that fail always, milliseconds a call takes.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { EVENT_HEADER } from '../../api/names.ts'
import type { SeenCall } from './accounting.ts'
import { fateOf } from './fate.ts'

const [, , failOnce, failAlways, takesMs] = process.argv.map(Number)
const fates = { failOncePercent: failOnce ?? 0, failAlwaysPercent: failAlways ?? 0 }
const calls: SeenCall[] = []
const failed = new Set<string>()

function isToFail(key: string, n: number): boolean {
  const name = `${key}/${n}`
  const fate = fateOf(name, fates)
  if (fate === 'fails-once' && failed.has(name)) return false
  if (fate !== 'succeeds') failed.add(name)
  return fate !== 'succeeds'
}

const server = createServer({ keepAliveTimeout: 600_000 }, async (request, response) => {
  response.writeProcessing()
  let text = ''
  for await (const chunk of request as AsyncIterable<Buffer>) text += chunk.toString()
  const { key, n } = JSON.parse(text) as { key: string; n: number }
  if (takesMs) await delay(takesMs)
  const isOk = !isToFail(key, n)
  const { [EVENT_HEADER.deliveryId]: id, [EVENT_HEADER.attempt]: attempt } = request.headers
  calls.push({ key, n, deliveryId: String(id), attempt: Number(attempt), isOk })
  response
    .writeHead(isOk ? 200 : 500, { 'content-type': 'application/json' })
    .end(isOk ? '"ok"' : '{"message":"as told"}')
})
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
process.on('message', () => process.send?.({ calls }))
process.on('disconnect', () => process.exit())
