/**
 * Lets several processes of this machine use one Kafka. The landlord owns it, starts it when the first tenant asks, and tells each its address;
 * `stop` asks the landlord to end it. One line of words each way over a local socket.
 */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { BROKER_HOST } from './broker-properties.ts'
import { errorText } from '../../lib/error-text.ts'

export interface KafkaAddress {
  brokers: string[]
  /** "Kafka 4.1.0, local JDK" */
  name: string
}

/** A path in the file system, or a port on loopback. */
export type LandlordAddress = string | number

export interface LandlordOptions {
  /** 0: any free port. */
  at: LandlordAddress
  /** Called once, by the first who asks; what it throws is told to everyone. */
  open(): Promise<KafkaAddress>
  /** Somebody wants it ended; answered when this settles. */
  onStop?(): Promise<void>
}

type Answer = { kafka: KafkaAddress } | { stopped: true } | { error: string }

export class Landlord {
  readonly #server: Server
  readonly #options: LandlordOptions
  #kafka: Promise<KafkaAddress> | undefined

  private constructor(options: LandlordOptions) {
    this.#options = options
    this.#server = createServer((socket) => void this.#serve(socket).catch(() => socket.destroy()))
  }

  static async open(options: LandlordOptions): Promise<Landlord> {
    const landlord = new Landlord(options)
    const { at } = options
    landlord.#server.listen(typeof at === 'number' ? { port: at, host: BROKER_HOST } : { path: at })
    await once(landlord.#server, 'listening')
    return landlord
  }

  get address(): LandlordAddress {
    const address = this.#server.address()
    return typeof address === 'string' ? address : (address as AddressInfo).port
  }

  async close(): Promise<void> {
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #serve(socket: Socket): Promise<void> {
    socket.on('error', () => socket.destroy())
    for await (const word of createInterface({ input: socket })) {
      const answer = await this.#answer(word).catch((error: unknown): Answer => ({ error: errorText(error) }))
      socket.end(`${JSON.stringify(answer)}\n`)
      if ('stopped' in answer) await this.close()
    }
  }

  async #answer(word: string): Promise<Answer> {
    if (word === 'stop') {
      await this.#options.onStop?.()
      return { stopped: true }
    }
    this.#kafka ??= this.#options.open()
    return { kafka: await this.#kafka }
  }
}

/** Settles when Kafka serves. */
export async function rentKafka(at: LandlordAddress): Promise<KafkaAddress> {
  const answer = await ask(at, 'rent')
  if ('kafka' in answer) return answer.kafka
  throw new Error('error' in answer ? answer.error : 'expected the address of a Kafka, got none')
}

/** Settles when Kafka has ended; false: nobody is there. */
export async function evict(at: LandlordAddress): Promise<boolean> {
  try {
    const answer = await ask(at, 'stop')
    if ('error' in answer) throw new Error(answer.error)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return false
    throw error
  }
}

async function ask(at: LandlordAddress, word: 'rent' | 'stop'): Promise<Answer> {
  const socket = typeof at === 'number' ? connect(at, BROKER_HOST) : connect(at)
  await once(socket, 'connect')
  socket.write(`${word}\n`)
  let said = ''
  for await (const chunk of socket) said += String(chunk)
  if (said === '') throw new Error('who owns the Kafka ended before it answered')
  return JSON.parse(said) as Answer
}
