/**
 * How full a partition's buffer is: pauses reading when it may take no more, by its own bounds, the process's, or what a commit can
 * remember, and resumes at half.
 */
import type { OffsetTracker } from '../offset-tracker.ts'
import type { Subscription } from '../subscription.ts'
import type { Engine } from './engine.ts'

export interface GaugeOptions {
  engine: Engine
  state: { readonly subscription: Subscription }
  tracker: OffsetTracker
  pause(): void
  resume(): void
}

export class BufferGauge {
  readonly #options: GaugeOptions
  #bytes = 0
  #isPaused = false
  readonly #whenRoom = () => this.#reconsider()

  constructor(options: GaugeOptions) {
    this.#options = options
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  add(bytes: number): void {
    this.#bytes += bytes
    this.#options.engine.bufferedBytes += bytes
  }

  /** Call when the tracker knows, too. */
  remove(bytes: number): void {
    this.#free(bytes)
    this.#reconsider()
  }

  /** After something was added. */
  check(): void {
    if (this.#isPaused || !this.#isFull) return
    this.#isPaused = true
    this.#options.engine.pausedBuffers.add(this.#whenRoom)
    this.#options.pause()
  }

  clear(): void {
    this.#options.engine.pausedBuffers.delete(this.#whenRoom)
    this.#free(this.#bytes)
  }

  /** Who is paused because of the process may have nothing that ends soon: those that make room again have to tell. */
  #free(bytes: number): void {
    const { engine } = this.#options
    const { totalBufferedBytes } = engine.limits
    const wasFull = engine.bufferedBytes >= totalBufferedBytes
    this.add(-bytes)
    if (wasFull && engine.bufferedBytes < totalBufferedBytes) for (const tell of [...engine.pausedBuffers]) tell()
  }

  #reconsider(): void {
    if (!this.#isPaused || !this.#isHalfEmpty) return
    this.#isPaused = false
    this.#options.engine.pausedBuffers.delete(this.#whenRoom)
    this.#options.resume()
  }

  /** Never without something in it: what is taken out later is what lets it go on. */
  get #isFull(): boolean {
    const { engine, tracker } = this.#options
    const { bufferedBytes, totalBufferedBytes } = engine.limits
    if (tracker.pending === 0) return false
    return (
      tracker.pending >= this.#mostRecords ||
      this.#bytes >= bufferedBytes ||
      engine.bufferedBytes >= totalBufferedBytes ||
      !tracker.fits
    )
  }

  /** When the process is full, only those go on that have nothing left: else nobody's end would let them. */
  get #isHalfEmpty(): boolean {
    const { engine, tracker } = this.#options
    const { bufferedBytes, totalBufferedBytes } = engine.limits
    if (tracker.pending === 0) return true
    const isRoom = engine.bufferedBytes < totalBufferedBytes
    return isRoom && tracker.pending * 2 <= this.#mostRecords && this.#bytes * 2 <= bufferedBytes && tracker.fits
  }

  /** A batch must be able to become full. */
  get #mostRecords(): number {
    const { engine, state } = this.#options
    return Math.max(engine.limits.bufferedRecords, state.subscription.batch?.size ?? 0)
  }
}
