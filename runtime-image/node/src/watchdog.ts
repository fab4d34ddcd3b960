/** Starts the watchdog thread (watchdog-thread.ts), which ends a process whose event loop is blocked past a deadline. */
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import type { WatchdogBirth, WatchdogOrders } from './watchdog-thread.ts'

/** How long after a deadline the loop may take to notice it. */
export const GRACE_MS = 500
export class Watchdog {
  private thread: Worker | undefined
  private readonly birth: WatchdogBirth = { called: new Int32Array(new SharedArrayBuffer(4)) }

  /** Makes the thread, which sleeps until it is told what to watch. For pods that wait. */
  prepare(): void {
    if (this.thread !== undefined) return
    const { Worker } = process.getBuiltinModule('node:worker_threads')
    this.thread = new Worker(join(__dirname, 'watchdog.cjs'), {
      workerData: this.birth,
      env: {},
      execArgv: [],
      trackUnmanagedFds: false,
      // A tight heap would cost a third more of the processor at its start, in collections, and save no memory.
      resourceLimits: { maxYoungGenerationSizeMb: 4, stackSizeMb: 1 },
    })
    this.thread.unref()
    // Without it a blocked loop lives until the controller ends its pod: worse, but no reason to stop serving.
    this.thread.on('error', () => undefined)
  }

  /** From now on it watches; the thread is made now where there was no time to prepare it. */
  watch(orders: Omit<WatchdogOrders, 'graceMs'>): void {
    this.prepare()
    this.thread?.postMessage({ ...orders, graceMs: GRACE_MS } satisfies WatchdogOrders)
    Atomics.store(this.birth.called, 0, 1)
    Atomics.notify(this.birth.called, 0)
  }
}
