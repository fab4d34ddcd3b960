/** Starts the watchdog thread (watchdog-thread.ts), which ends a process whose event loop is blocked past a deadline. */
import { join } from 'node:path'
import type { WatchdogBoard } from './watchdog-board.ts'
import type { WatchdogOrders } from './watchdog-thread.ts'

/** How long after a deadline the loop may take to notice it. */
const GRACE_MS = 500

export function startWatchdog(board: WatchdogBoard, orders: Omit<WatchdogOrders, 'memory' | 'graceMs'>): void {
  const { Worker } = process.getBuiltinModule('node:worker_threads')
  const workerData: WatchdogOrders = { ...orders, memory: board.memory, graceMs: GRACE_MS }
  const thread = new Worker(join(__dirname, 'watchdog.cjs'), {
    workerData,
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 },
  })
  thread.unref()
  // Without it a blocked loop lives until the kubelet ends it: worse, but no reason to stop serving.
  thread.on('error', () => undefined)
}
