/** A process of its own for local-kafka-ends.test.ts: starts a Kafka, says where it is, and lives until it is ended; `throw`: until it is told. */
import { findKafkaIn } from '../../../scripts/kafka/find-kafka.ts'
import { startLocalKafka } from '../../../scripts/kafka/local-kafka.ts'

const found = await findKafkaIn({ env: process.env })
if (found.kind === 'missing' || found.source !== 'local') throw new Error('expected a Kafka of our own')
const { brokers } = await startLocalKafka(found)
process.stdout.write(`${JSON.stringify(brokers)}\n`)
process.stdin.on('data', () => {
  throw new Error('as told')
})
