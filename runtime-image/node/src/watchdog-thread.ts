/**
 * Runs beside the event loop and owns one decision: the loop has not noticed a deadline for `graceMs`, so it is blocked. Then it
 * says so on stderr, answers what nobody has answered yet and ends the process. Promises not to end a loop that is merely late
 * after the machine slept: a verdict needs a second look at the same entry.
 */
import { readFileSync, writeSync } from 'node:fs'
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { timeoutMessage } from './log-format.ts'
import { ID_BYTES, NO_FD, viewBoard, type BoardMemory } from './watchdog-board.ts'

/** What the thread is made with. Without orders it sleeps until `called` is not 0: then they are waiting as a message. */
export interface WatchdogBirth {
  called: Int32Array
  orders?: WatchdogOrders
}

export interface WatchdogOrders {
  memory: BoardMemory
  graceMs: number
  timeoutMs: number
  initTimeoutMs: number
  /** The process's own memory above which it is ended; undefined where the container's limit does it. */
  anonymousLimitMb: number
}

const POLL_MS = 250
const SECOND_LOOK_MS = 100
const POLLS_BEFORE_SLEEP = 8
const PAGES_PER_MB = 256

const orders = waitForOrders()
const { asleep, deadlines, fds, idLengths, ids } = viewBoard(orders.memory)

function waitForOrders(): WatchdogOrders {
  const { called, orders } = workerData as WatchdogBirth
  if (orders !== undefined) return orders
  Atomics.wait(called, 0, 0)
  if (parentPort === null) throw new Error('the watchdog must run as a worker thread')
  const received = receiveMessageOnPort(parentPort) as { message: WatchdogOrders } | undefined
  if (received === undefined) throw new Error('the watchdog was called without orders')
  return received.message
}

function watch(): never {
  let idlePolls = 0
  for (;;) {
    const nextMs = earliestDeadline()
    idlePolls = nextMs === Infinity ? idlePolls + 1 : 0
    if (idlePolls >= POLLS_BEFORE_SLEEP) sleepUntilWoken()
    else Atomics.wait(asleep, 0, 0, clamp(nextMs + orders.graceMs - Date.now()))
    const overdue = findOverdue()
    if (overdue.length > 0) lookAgain(overdue)
    if (ownMemoryMb() > orders.anonymousLimitMb) endForMemory()
  }
}

function earliestDeadline(): number {
  let earliest = Infinity
  for (const deadline of deadlines) if (deadline > 0 && deadline < earliest) earliest = deadline
  return earliest
}

function clamp(waitMs: number): number {
  return Math.min(POLL_MS, Math.max(1, waitMs))
}

function sleepUntilWoken(): void {
  Atomics.store(asleep, 0, 1)
  // An entry posted before the flag was seen woke nobody.
  if (earliestDeadline() === Infinity) Atomics.wait(asleep, 0, 1)
  Atomics.store(asleep, 0, 0)
}

interface Overdue {
  slot: number
  deadline: number
}

function findOverdue(): Overdue[] {
  const limit = Date.now() - orders.graceMs
  const found: Overdue[] = []
  deadlines.forEach((deadline, slot) => {
    if (deadline > 0 && deadline < limit) found.push({ slot, deadline })
  })
  return found
}

function lookAgain(before: Overdue[]): void {
  Atomics.wait(asleep, 0, 0, SECOND_LOOK_MS)
  const blocked = before.filter(({ slot, deadline }) => deadlines[slot] === deadline)
  if (blocked.length > 0) endBlocked(blocked.map(({ slot }) => slot))
}

function endBlocked(slots: number[]): void {
  for (const slot of slots) {
    say(`${requestId(slot)}\tERROR\tThe event loop is blocked past the deadline: ending the process`)
    if (slot === 0) answer(slot, { errorType: 'Sandbox.Timedout', errorMessage: loadMessage() })
    else answer(slot, { errorType: 'Sandbox.Timedout', errorMessage: invocationMessage(slot) }, 'timeout')
  }
  process.kill(process.pid, 'SIGKILL')
}

function endForMemory(): void {
  const message = `The function uses more than its memory allows (${Math.round(ownMemoryMb())} MB): ending the process`
  say(`-\tERROR\t${message}`)
  deadlines.forEach((deadline, slot) => {
    if (deadline === 0 || slot === 0) return
    const errorMessage = `RequestId: ${requestId(slot)} Error: Runtime exited with error: signal: killed`
    answer(slot, { errorType: 'Runtime.OutOfMemory', errorMessage }, 'unhandled')
  })
  process.kill(process.pid, 'SIGKILL')
}

function loadMessage(): string {
  return `Loading the code did not finish within ${(orders.initTimeoutMs / 1000).toFixed(2)} seconds: it blocks the event loop`
}

function invocationMessage(slot: number): string {
  return `RequestId: ${requestId(slot)} Error: ${timeoutMessage(orders.timeoutMs)}`
}

function requestId(slot: number): string {
  const start = slot * ID_BYTES
  return Buffer.from(ids.slice(start, start + (idLengths[slot] ?? 0))).toString('latin1')
}

function answer(
  slot: number,
  error: { errorType: string; errorMessage: string },
  kind?: 'timeout' | 'unhandled',
): void {
  const fd = fds[slot] ?? NO_FD
  if (fd === NO_FD) return
  const body = JSON.stringify({ ...error, trace: [] })
  const status = slot === 0 ? '422 Unprocessable Entity' : '500 Internal Server Error'
  const head = [
    `HTTP/1.1 ${status}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    ...(kind === undefined ? [] : [`dormouse-error: ${kind}`, 'dormouse-leaving: true']),
  ]
  write(fd, `${head.join('\r\n')}\r\n\r\n${body}`)
}

function say(text: string): void {
  write(2, `${new Date().toISOString()}\t${text}\n`)
}

function write(fd: number, text: string): void {
  try {
    writeSync(fd, text)
  } catch {
    // Nobody reads: nothing left to do but to end.
  }
}

/** Resident minus file-backed memory; 0 where the system does not tell. */
function ownMemoryMb(): number {
  try {
    const [, resident = '0', shared = '0'] = readFileSync('/proc/self/statm', 'latin1').split(' ')
    return (Number(resident) - Number(shared)) / PAGES_PER_MB
  } catch {
    return 0
  }
}

watch()
