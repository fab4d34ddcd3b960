/**
 * The heartbeats of all groups of a log, over one connection per broker. A Trigger that waits for records costs little else: those of one
 * moment are written at once, and so are their answers.
 */
import type { Socket } from 'node:net'
import { CODES, kafkaCode } from './error-codes.ts'
import type { KafkaClient } from './kafka-client.ts'
import type { Broker } from './wire.ts'

export interface Heartbeat {
  groupId: string
  groupGenerationId: number
  memberId: string
}

/** Heartbeats fall on multiples of it, so that those of many groups meet. */
const SLOT_MS = 250

export class Heartbeats {
  readonly #client: KafkaClient
  readonly #held = new Set<Socket>()

  constructor(client: KafkaClient) {
    this.#client = client
  }

  /** Throws what the coordinator answered, or why it could not be asked. */
  async send(coordinator: Broker, heartbeat: Heartbeat): Promise<void> {
    const broker = await this.#client.broker(Number(coordinator.nodeId))
    this.#hold(broker.connectionPool.pool[0]?.socket)
    try {
      await broker.heartbeat(heartbeat)
    } catch (error) {
      // Under its address there may be another broker by now.
      if (kafkaCode(error) === CODES.NOT_COORDINATOR) await this.#client.refresh()
      throw error
    }
  }

  /** Until the end of this turn of the event loop. */
  #hold(socket: Socket | undefined): void {
    if (socket === undefined || this.#held.has(socket)) return
    this.#held.add(socket)
    socket.cork()
    setImmediate(() => {
      this.#held.delete(socket)
      socket.uncork()
    })
  }
}

/** Milliseconds from now to the last slot that is no later than `everyMs` from now; always some. */
export function untilBeat(nowMs: number, everyMs: number): number {
  const slotMs = Math.min(SLOT_MS, everyMs / 4)
  return Math.max(slotMs, Math.floor((nowMs + everyMs) / slotMs) * slotMs - nowMs)
}
