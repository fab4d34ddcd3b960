/** The Kafka of a demo: the one of KAFKA_BROKERS, which it leaves as it was, else one that is started for it and gone with it. */
import { openKafkaEventLog } from '../../events/kafka/kafka-event-log.ts'
import { silentLogger } from '../../lib/logger.ts'
import { findKafkaIn } from '../kafka/find-kafka.ts'
import { openFound } from '../kafka/open-found.ts'
import { DemoError } from './platform-view.ts'

export interface DemoKafka {
  brokers: readonly string[]
  stop(): Promise<void>
}

/** Of examples/orders. */
const TOPIC = 'orders'
const OURS = /^(orders$|dormouse\.)/

/** Throws DemoError: there is none, and why. */
export async function startDemoKafka(tell: (text: string) => void): Promise<DemoKafka> {
  const found = await findKafkaIn({ env: process.env, onFetch: (what) => tell(`Fetching ${what}`) })
  if (found.kind === 'missing') throw new DemoError(found.reason)
  if (found.source === 'environment') {
    const kafka = await borrow(found.brokers)
    tell(`Events are on ${found.name}`)
    return kafka
  }
  const startedAt = performance.now()
  const kafka = await openFound(found, { optimize: true })
  const tookMs = Math.round(performance.now() - startedAt)
  tell(`Events are on ${kafka.name}, which was started at ${kafka.brokers.join(',')} in ${tookMs} ms`)
  return kafka
}

/** Every event is counted, so the topic must be the demo's own; what the demo makes is deleted at its end. */
async function borrow(brokers: readonly string[]): Promise<DemoKafka> {
  const before = new Set(await topicsOf(brokers))
  if (before.has(TOPIC))
    throw new DemoError(
      `expected a Kafka without topic ${TOPIC}, ${brokers.join(',')} has one: delete it or unset KAFKA_BROKERS`,
    )
  return {
    brokers,
    async stop() {
      await topicsOf(brokers, (topic) => OURS.test(topic) && !before.has(topic))
    },
  }
}

async function topicsOf(
  brokers: readonly string[],
  isToGo: (topic: string) => boolean = () => false,
): Promise<string[]> {
  const log = openKafkaEventLog({ brokers, logger: silentLogger })
  try {
    const topics = (await log.describe()).map(({ topic }) => topic)
    await log.deleteTopics(topics.filter(isToGo))
    return topics
  } finally {
    await log.close()
  }
}
