/** Moments within a hand-over (events/kafka/transactional-producer.ts), by what is asked of brokers. */
import { KafkaClient } from '../../events/kafka/kafka-client.ts'
import type { Broker } from '../../events/kafka/wire.ts'
import type { DeathMoment } from './dispatchers.ts'

const ASKED = {
  initProducerId: 'id',
  addPartitionsToTxn: 'enlist',
  produce: 'write',
  txnOffsetCommit: 'offsets',
  endTxn: 'end',
} as const

export function dieInTransactions(mayDie: (at: DeathMoment) => void): void {
  const { broker, coordinator } = KafkaClient.prototype
  KafkaClient.prototype.broker = async function (...of) {
    return fragile(await broker.apply(this, of), mayDie)
  }
  KafkaClient.prototype.coordinator = async function (...of) {
    return fragile(await coordinator.apply(this, of), mayDie)
  }
}

function fragile(real: Broker, mayDie: (at: DeathMoment) => void): Broker {
  const view = Object.create(real) as Record<string, unknown>
  for (const [method, name] of Object.entries(ASKED)) {
    const ask = (real as unknown as Record<string, (request: object) => Promise<unknown>>)[method]
    view[method] = async function (request: { transactionalId?: string }) {
      const isOurs = method === 'txnOffsetCommit' || request.transactionalId !== undefined
      if (isOurs) mayDie(`before-${name}`)
      const answer = await ask?.call(this, request)
      if (isOurs) mayDie(`after-${name}`)
      return answer
    }
  }
  return view as unknown as Broker
}
