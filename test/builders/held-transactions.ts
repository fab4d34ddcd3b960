/** Holds a transaction of this process up just before it is ended: for what may happen while one is open. Import before logs are opened. */
import { KafkaClient } from '../../events/kafka/kafka-client.ts'
import type { Broker } from '../../events/kafka/wire.ts'

export interface HeldTransaction {
  /** Everything but its end has been asked for. */
  readonly open: Promise<void>
  /** It is ended. */
  release(): void
}

let hold: (() => Promise<void>) | undefined

const { coordinator } = KafkaClient.prototype
KafkaClient.prototype.coordinator = async function (...of) {
  const real = await coordinator.apply(this, of)
  const view = Object.create(real) as Broker
  view.endTxn = async function (request) {
    await hold?.()
    return real.endTxn.call(this, request)
  }
  return view
}

export function holdNextTransaction(): HeldTransaction {
  const opened = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  hold = () => {
    hold = undefined
    opened.resolve()
    return released.promise
  }
  return { open: opened.promise, release: released.resolve }
}
