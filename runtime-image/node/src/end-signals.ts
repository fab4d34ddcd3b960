/**
 * SIGTERM and SIGINT. They are ours: what runs must be finished. Listeners of user code, which clean up and exit as they do in a
 * process of their own, hear of them when nothing runs any more; exiting earlier they would fail the requests that run beside them.
 */
export const END_SIGNALS: readonly string[] = ['SIGTERM', 'SIGINT'] satisfies NodeJS.Signals[]

type Listener = (...args: unknown[]) => void
type Emit = (event: string | symbol, ...args: unknown[]) => boolean

export class EndSignals {
  private readonly emit: Emit
  private readonly process: NodeJS.Process
  private heard: unknown[] | undefined

  /** Must come before any listener: Node keeps the `emit` it finds with the first. */
  constructor(process: NodeJS.Process, onSignal: () => void) {
    this.process = process
    this.emit = process.emit.bind(process) as Emit
    const intercept: Emit = (event, ...args) => {
      if (typeof event === 'symbol' || !END_SIGNALS.includes(event)) return this.passBy(event, args)
      this.heard ??= [event, ...args]
      onSignal()
      return true
    }
    process.emit = intercept as typeof process.emit
    // Hidden: many packages (by way of signal-exit) send a signal on only where nobody else listens.
    const listeners = process.listeners.bind(process) as (event: string | symbol) => Listener[]
    process.listeners = ((event: string | symbol) =>
      listeners(event).filter((listener) => listener !== ours)) as typeof process.listeners
    // Node catches a signal only while it has a listener.
    for (const signal of END_SIGNALS) process.on(signal, ours)
  }

  /** Ours may be taken with all others (`removeAllListeners`), and the next signal would end what runs: it comes back. */
  private passBy(event: string | symbol, args: unknown[]): boolean {
    const hasHeard = this.emit(event, ...args)
    const [signal, listener] = args
    if (event === 'removeListener' && listener === ours) this.process.on(signal as NodeJS.Signals, ours)
    return hasHeard
  }

  /** Tells user code of the signal that came. False when none did or nobody listens: nothing to wait for. */
  passOn(): boolean {
    const [signal, ...args] = this.heard ?? []
    if (typeof signal !== 'string' || this.process.listenerCount(signal) < 2) return false
    this.emit(signal, ...args)
    return true
  }
}

function ours(): void {
  // The interception has done all there is to do.
}
