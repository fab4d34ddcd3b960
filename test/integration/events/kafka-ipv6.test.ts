import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, test } from '@jest/globals'
import { KafkaClient } from '../../../events/kafka/kafka-client.ts'
import { silentLogger } from '../../../lib/logger.ts'
import { until } from '../../builders/eventually.ts'
import { describeWithIpv6 } from '../../builders/ipv6.ts'

const sockets: Socket[] = []
let broker: Server
afterEach(() => {
  sockets.forEach((socket) => socket.destroy())
  broker.close()
})

describeWithIpv6('a broker named by an IPv6 address', () => {
  test('is connected to there', async () => {
    // Hangs up at once: that somebody came is all there is to see.
    broker = createServer((socket) => void sockets.push(socket.on('error', () => undefined).end())).listen(0, '::1')
    await once(broker, 'listening')
    const { port } = broker.address() as AddressInfo
    const client = new KafkaClient({ brokers: [`[::1]:${port}`], logger: silentLogger, timeoutMs: 500 })
    await client.topics().catch(() => undefined)
    await client.close()
    await until(() => sockets.length > 0)
  })
})
