/** How full a partition's buffer is, and whether it may take more: its own bounds, the process's, and what a commit can remember. */
import type { OffsetTracker } from '../offset-tracker.ts'
import type { Engine } from './engine.ts'

export class BufferGauge {
  readonly #engine: Engine
  readonly #tracker: OffsetTracker
  #bytes = 0

  constructor(engine: Engine, tracker: OffsetTracker) {
    this.#engine = engine
    this.#tracker = tracker
  }

  add(bytes: number): void {
    this.#bytes += bytes
    this.#engine.bufferedBytes += bytes
  }

  remove(bytes: number): void {
    this.add(-bytes)
  }

  clear(): void {
    this.add(-this.#bytes)
  }

  /** Never without something in it: what is taken out later is what lets it go on. */
  get isFull(): boolean {
    const { bufferedRecords, bufferedBytes, totalBufferedBytes } = this.#engine.limits
    if (this.#tracker.pending === 0) return false
    return (
      this.#tracker.pending >= bufferedRecords ||
      this.#bytes >= bufferedBytes ||
      this.#engine.bufferedBytes >= totalBufferedBytes ||
      !this.#tracker.fits
    )
  }

  /** When the process is full, only those go on that have nothing left: else nobody's end would let them. */
  get isHalfEmpty(): boolean {
    const { bufferedRecords, bufferedBytes, totalBufferedBytes } = this.#engine.limits
    const { pending, fits } = this.#tracker
    if (pending === 0) return true
    const isRoom = this.#engine.bufferedBytes < totalBufferedBytes
    return isRoom && pending * 2 <= bufferedRecords && this.#bytes * 2 <= bufferedBytes && fits
  }
}
