/** One node's JVM: a process group of its own under the guardian's eye, its output in a file beside its data. */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Guardian } from '../../local/kubelet/guardian.ts'
import { countBrokers } from './ask-broker.ts'
import { BROKER_HOST, type NodeAddress } from './broker-properties.ts'
import { KafkaSetupError } from './kafka-setup-error.ts'

export interface BrokerProcessOptions {
  node: NodeAddress
  /** Has server.properties and formatted data. */
  directory: string
  guardian: Guardian
  /** Java with its flags and class path. */
  command: readonly string[]
}

const START_MS = 60_000
const LOOK_AGAIN_MS = 50

export class BrokerProcess {
  readonly node: NodeAddress
  readonly directory: string
  readonly #options: BrokerProcessOptions
  #child: ChildProcess | undefined
  #ended: Promise<void> = Promise.resolve()

  constructor(options: BrokerProcessOptions) {
    this.#options = options
    this.node = options.node
    this.directory = options.directory
  }

  /** Settles when it serves and sees so many brokers, itself included. */
  async start(brokers: number): Promise<void> {
    if (this.#child !== undefined) throw new Error(`node ${this.node.id} runs already`)
    const child = this.#spawn()
    const untilMs = performance.now() + START_MS
    while (!(await this.#serves(brokers))) {
      const late = performance.now() > untilMs
      if (late || this.#child !== child) {
        const what = late ? `does not serve after ${START_MS / 1000} s` : 'ended'
        await this.kill()
        throw new KafkaSetupError(
          'start-failed',
          `node ${this.node.id} of the local Kafka ${what}: ${this.#lastWords()}`,
        )
      }
      await delay(LOOK_AGAIN_MS)
    }
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.#ended
  }

  async shutDown(): Promise<void> {
    this.signal('SIGTERM')
    await this.#ended
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  #spawn(): ChildProcess {
    const { command, guardian } = this.#options
    const [program = 'java', ...flags] = command
    const output = openSync(join(this.directory, 'broker.log'), 'a')
    const own = [`-Djava.io.tmpdir=${join(this.directory, 'tmp')}`]
    const child = spawn(program, [...own, ...flags, 'kafka.Kafka', join(this.directory, 'server.properties')], {
      stdio: ['ignore', output, output],
      detached: true,
      cwd: this.directory,
    })
    closeSync(output)
    const { pid } = child
    if (pid !== undefined) guardian.watch(pid)
    this.#child = child
    this.#ended = new Promise((resolve) => {
      const end = () => {
        if (pid !== undefined) guardian.forget(pid)
        this.#child = undefined
        resolve()
      }
      child.once('exit', end)
      child.once('error', end)
    })
    return child
  }

  async #serves(brokers: number): Promise<boolean> {
    try {
      return (await countBrokers(BROKER_HOST, this.node.port)) >= brokers
    } catch {
      return false
    }
  }

  #lastWords(): string {
    const lines = readFileSync(join(this.directory, 'broker.log'), 'utf8').trim().split('\n')
    return lines.slice(-5).join(' | ') || 'it said nothing'
  }
}
