/**
 * What records of one partition become goes, where the log offers it, into the log together with the commit that says they are done: what fails
 * at the same time, or while something is on its way, goes together. Where together it is refused, each goes alone, so that only who is at fault
 * fails.
 */
import { isRefused, type Consumer, type NewRecord, type PartitionId } from '../event-log.ts'
import type { OffsetTracker } from '../offset-tracker.ts'

export interface HandOversOptions {
  id: PartitionId
  tracker: OffsetTracker
  /** Undefined: not offered. */
  handOver: () => Consumer['handOver']
}

interface Waiting {
  /** Of the record that it is made of. */
  offset: number
  records: readonly NewRecord[]
  resolve: () => void
  reject: (error: unknown) => void
}

/** In one transaction, so that it is no longer than readers can wait. */
const MOST_RECORDS = 500
const MOST_BYTES = 1024 * 1024

export class HandOvers {
  readonly #options: HandOversOptions
  #waiting: Waiting[] = []
  #isBusy = false
  /** Of those that wait, so many go one by one. */
  #alone = 0

  constructor(options: HandOversOptions) {
    this.#options = options
  }

  get isOffered(): boolean {
    return this.#options.handOver() !== undefined
  }

  /** What is on its way brings its commit with it: another would take that back. */
  get isBusy(): boolean {
    return this.#isBusy
  }

  /** The record at `offset` counts as done when it settles. */
  add(offset: number, records: readonly NewRecord[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ offset, records, resolve, reject })
      if (this.#isBusy) return
      this.#isBusy = true
      setImmediate(() => void this.#run())
    })
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    while (this.#waiting.length > 0) await this.#together(this.#take())
    this.#isBusy = false
  }

  async #together(group: readonly Waiting[]): Promise<void> {
    const { id, tracker } = this.#options
    try {
      const handOver = this.#options.handOver()
      if (handOver === undefined) throw new Error('expected a consumer')
      const records = group.flatMap((each) => each.records)
      await handOver(records, { ...id, ...tracker.commitWith(new Set(group.map(({ offset }) => offset))) })
      for (const { offset } of group) tracker.done(offset)
      for (const { resolve } of group) resolve()
    } catch (error) {
      if (group.length === 1 || !isRefused(error)) return group.forEach(({ reject }) => reject(error))
      this.#waiting = [...group, ...this.#waiting]
      this.#alone = group.length
    }
  }

  #take(): Waiting[] {
    let [records, bytes, count] = [0, 0, 0]
    for (const each of this.#waiting) {
      records += each.records.length
      bytes += each.records.reduce((sum, record) => sum + sizeOf(record), 0)
      if (count > 0 && (records > MOST_RECORDS || bytes > MOST_BYTES || this.#alone > 0)) break
      count++
    }
    if (this.#alone > 0) this.#alone--
    return this.#waiting.splice(0, count)
  }
}

const sizeOf = ({ key, value }: NewRecord): number => (key?.length ?? 0) + (value?.length ?? 0)
