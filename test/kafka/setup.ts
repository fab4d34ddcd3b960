/**
 * One Kafka for all test files of a run that ask for it (`sharedKafka`), started when the first does. It belongs to jest's main process:
 * workers come and go.
 */
import { findKafkaIn } from '../../scripts/kafka/find-kafka.ts'
import { KafkaSetupError } from '../../scripts/kafka/kafka-setup-error.ts'
import { Landlord, type KafkaAddress } from '../../scripts/kafka/landlord.ts'
import { openFound } from '../../scripts/kafka/open-found.ts'
import { ends } from './teardown.ts'

// eslint-disable-next-line import-x/no-default-export -- jest asks for it
export default async function setup(): Promise<void> {
  const landlord = await Landlord.open({ at: 0, open })
  process.env['DORMOUSE_TEST_KAFKA'] = String(landlord.address)
  ends.push(() => landlord.close())
}

async function open(): Promise<KafkaAddress> {
  const found = await findKafkaIn({ env: process.env })
  if (found.kind === 'missing') throw new KafkaSetupError('start-failed', found.reason)
  const { name, brokers, stop } = await openFound(found)
  ends.push(stop)
  return { brokers, name }
}
