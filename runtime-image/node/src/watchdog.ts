/** Starts the watchdog thread (watchdog-thread.ts), which ends a process whose event loop is blocked past a deadline. */
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import type { WatchdogBirth, WatchdogOrders } from './watchdog-thread.ts'

/** How long after a deadline the loop may take to notice it. */
export const GRACE_MS = 500

export class Watchdog {
  private thread: Worker | undefined
  private readonly called = new Int32Array(new SharedArrayBuffer(4))

  /** Makes the thread, which sleeps until it is told what to watch. For pods that wait. */
  prepare(): void {
    this.thread ??= createThread({ called: this.called })
  }

  /** From now on it watches; the thread is made now where there was no time to prepare it. */
  watch(limits: Omit<WatchdogOrders, 'graceMs'>): void {
    const orders = { ...limits, graceMs: GRACE_MS }
    if (this.thread === undefined) {
      this.thread = createThread({ called: this.called, orders })
      return
    }
    this.thread.postMessage(orders)
    Atomics.store(this.called, 0, 1)
    Atomics.notify(this.called, 0)
  }
}

function createThread(birth: WatchdogBirth): Worker {
  const { Worker } = process.getBuiltinModule('node:worker_threads')
  const thread = new Worker(join(__dirname, 'watchdog.cjs'), {
    workerData: birth,
    env: {},
    execArgv: [],
    trackUnmanagedFds: false,
    // A tight heap would cost a third more of the processor at its start, in collections, and save no memory.
    resourceLimits: { maxYoungGenerationSizeMb: 4, stackSizeMb: 1 },
  })
  thread.unref()
  // Without it a blocked loop lives until the controller ends its pod: worse, but no reason to stop serving.
  thread.on('error', () => undefined)
  return thread
}
