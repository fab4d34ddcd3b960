/** Starts the watchdog thread (watchdog-thread.ts), which ends a process whose event loop is blocked past a deadline. */
import { readdirSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
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
  const before = new Set(threadIds())
  const thread = new Worker(join(__dirname, 'watchdog.cjs'), {
    workerData: birth,
    env: {},
    execArgv: [],
    trackUnmanagedFds: false,
    // A tight heap would cost a third more of the processor at its start, in collections, and save no memory.
    resourceLimits: { maxYoungGenerationSizeMb: 4, stackSizeMb: 1 },
  })
  for (const id of threadIds()) if (!before.has(id)) giveWay(id)
  thread.unref()
  // Without it a blocked loop lives until the controller ends its pod: worse, but no reason to stop serving.
  thread.on('error', () => undefined)
  return thread
}

/** Linux's; none where there is no /proc. */
function threadIds(): number[] {
  try {
    return readdirSync('/proc/self/task').map(Number)
  } catch {
    return []
  }
}

/**
 * A thread's start takes the processor as long as half a process's, and its work is to wait: whoever else has something to do goes first.
 * A loop that blocks one core leaves it the others, and on a busy machine still some milliseconds per second, of which it needs one.
 */
function giveWay(threadId: number): void {
  try {
    setPriority(threadId, constants.priority.PRIORITY_LOW)
  } catch {
    // It has its turn like everybody then.
  }
}
