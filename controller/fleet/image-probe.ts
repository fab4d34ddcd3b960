/** Whether something listens in a pod that runs an image nobody can ask anything. A connection is made and closed at once. */
import { connect } from 'node:net'
import type { Clock } from '../../lib/clock.ts'
import { pause } from '../../lib/pause.ts'
import type { PodRecord } from './pod-record.ts'
import type { PodContact } from './pod-status.ts'

/** silent: no answer in time · unreachable: refused. */
export type ProbeOutcome = 'listens' | 'silent' | 'unreachable'

export interface ImageProbeOptions {
  clock: Clock
  signal: AbortSignal
  /** Something listens. False when nobody waits for the pod: it is left to others. */
  up: (record: PodRecord) => boolean
}

const WATCH_EVERY_MS = 50
const WATCH_TIMEOUT_MS = 1_000

export class ImageProbe {
  readonly #options: ImageProbeOptions
  readonly #watched = new Set<string>()

  constructor(options: ImageProbeOptions) {
    this.#options = options
  }

  ask({ host, dataPort }: PodContact, timeoutMs: number): Promise<ProbeOutcome> {
    return new Promise((resolve) => {
      const socket = connect({ host, port: dataPort })
      const settle = (outcome: ProbeOutcome) => {
        socket.destroy()
        resolve(outcome)
      }
      socket.setTimeout(timeoutMs, () => settle('silent'))
      socket.once('connect', () => settle('listens'))
      socket.once('error', () => settle('unreachable'))
    })
  }

  /** Until it is up or gone: the kubelet looks once a second only. */
  watch(record: PodRecord, contact: PodContact | undefined): void {
    if (contact === undefined || this.#watched.has(record.uid)) return
    this.#watched.add(record.uid)
    void this.#watch(record, contact).finally(() => this.#watched.delete(record.uid))
  }

  async #watch(record: PodRecord, contact: PodContact): Promise<void> {
    const { clock, up } = this.#options
    const signal = AbortSignal.any([record.gone.signal, this.#options.signal])
    while (!signal.aborted && record.stage === 'taken') {
      if ((await this.ask(contact, WATCH_TIMEOUT_MS)) === 'listens') {
        record.contact ??= contact
        return void up(record)
      }
      await pause(clock, WATCH_EVERY_MS, signal)
    }
  }
}
