import { afterEach, test } from '@jest/globals'
import { EventSource } from 'eventsource'
import { until } from '../../builders/eventually.ts'
import { GatewayWorld } from '../../fakes/gateway-world.ts'
import { RawClient } from '../../fakes/raw-client.ts'

let world: GatewayWorld
afterEach(() => world.stop())

test('server-sent events arrive one by one; the client’s end reaches the pod', async () => {
  world = await GatewayWorld.start()
  let send: (text: string) => void = () => undefined
  const pod = await world.pod({
    script: (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      send = (text) => void response.write(`data: ${text}\n\n`)
    },
  })
  const seen: string[] = []
  const source = new EventSource(world.publicUrl)
  source.onmessage = ({ data }) => seen.push(data as string)
  await until(() => source.readyState === EventSource.OPEN)
  for (const text of ['one', 'two', 'three']) {
    send(text)
    await until(() => seen.at(-1) === text)
  }
  source.close()
  await until(() => pod.running === 0)
})

test('headers of a stream arrive before its first byte', async () => {
  world = await GatewayWorld.start()
  await world.pod({ script: (_request, response) => response.writeHead(200, { 'content-length': 5 }).flushHeaders() })
  const client = await RawClient.open(world.ports.publicPort)
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await client.expect(/^HTTP\/1\.1 200 [^]*\r\n\r\n$/)
  client.close()
})

test('request and answer stream at the same time', async () => {
  world = await GatewayWorld.start()
  await world.pod({
    readsBody: false,
    script: (request, response) => {
      response.writeHead(200)
      request.on('data', (chunk: Buffer) => response.write(chunk.toString().toUpperCase()))
      request.on('end', () => response.end('!'))
    },
  })
  const client = await RawClient.open(world.ports.publicPort)
  client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n')
  await client.expect(/ABC/)
  client.send('3\r\ndef\r\n')
  await client.expect(/DEF/)
  client.send('0\r\n\r\n')
  await client.expect(/!/)
  client.close()
})
