/**
 * A real Kafka for tests. `findKafka` says whether there can be one, so that suites without are reported as skipped with the reason
 * (`describeOnKafka`); `sharedKafka` is one for the whole run, `kafkaForTests` one that only its caller has.
 */
import { describe } from '@jest/globals'
import { findKafkaIn, type FoundKafka } from '../../scripts/kafka/find-kafka.ts'
import { openFound } from '../../scripts/kafka/open-found.ts'
import { KafkaSetupError } from '../../scripts/kafka/kafka-setup-error.ts'
import { rentKafka, type KafkaAddress } from '../../scripts/kafka/landlord.ts'
import { startLocalKafka, type LocalKafka, type LocalKafkaOptions } from '../../scripts/kafka/local-kafka.ts'

export interface TestKafka extends LocalKafka {
  /** For the names of suites: "Kafka 4.1.0, local JDK". */
  readonly name: string
}

export type TestKafkaOptions = Pick<LocalKafkaOptions, 'nodes' | 'settings' | 'heapMb' | 'optimize'>

/** For beforeAll: a broker takes about 4 s, on a busy machine many times that. */
export const KAFKA_START_MS = 180_000

/** Fetches the jars the first time. */
export function findKafka(): Promise<FoundKafka> {
  return findKafkaIn({ env: process.env })
}

/**
 * The one all files of this run use, alive until the last of them is done: topics and groups need names of their own, and nobody may stop it.
 * The first call waits for its start.
 */
export function sharedKafka(): Promise<KafkaAddress> {
  const landlord = Number(process.env['DORMOUSE_TEST_KAFKA'])
  if (!(landlord > 0))
    throw new Error('expected DORMOUSE_TEST_KAFKA from test/kafka/setup.ts: is the project one of those with Kafka?')
  return rentKafka(landlord)
}

/** Throws KafkaSetupError. Only those on the machine's JDK can be killed, and those of KAFKA_BROKERS not even stopped. */
export async function kafkaForTests(options: TestKafkaOptions = {}): Promise<TestKafka> {
  const found = await findKafka()
  if (found.kind === 'missing') throw new KafkaSetupError('start-failed', found.reason)
  const { name } = found
  if (found.source !== 'local') return { ...notOurs(name), ...(await openFound(found, options)) }
  const { java, jars } = found
  return { ...(await startLocalKafka({ ...options, java, jars })), name }
}

function notOurs(name: string): Omit<LocalKafka, 'brokers' | 'stop'> {
  const refuse = () => {
    throw new KafkaSetupError('not-ours', `${name} was not started by this test as a process, and is not its to kill`)
  }
  return {
    kill: refuse,
    shutDown: refuse,
    start: refuse,
    freeze: refuse,
    thaw: refuse,
    dataOf: refuse,
  }
}

/** As `describe`, once a Kafka is found; else the suite is skipped and its title says why. `ours`: one that may be killed. */
export async function describeOnKafka(title: string, suite: () => void, need: { ours?: boolean } = {}): Promise<void> {
  const found = await findKafka()
  if (found.kind === 'missing') return describe.skip(`${title} [skipped: ${found.reason}]`, suite)
  if (need.ours === true && found.source !== 'local')
    return describe.skip(`${title} [skipped: ${found.name} is not ours to kill]`, suite)
  describe(`${title} (${found.name})`, suite)
}
