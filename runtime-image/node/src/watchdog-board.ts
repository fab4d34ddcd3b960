/**
 * Memory shared with the watchdog thread: for every slot a deadline, the request id and, where nothing has been answered yet,
 * the socket on which the thread may answer in the main thread's place. Slot 0 belongs to the platform (load, exit).
 */
export const ID_BYTES = 64
export const NO_FD = -1
/** Slots beyond it share nothing with the watchdog; requests above this concurrency are covered by their neighbours. */
const MOST_SLOTS = 1024

export interface BoardMemory {
  buffer: SharedArrayBuffer
  slots: number
}

export interface BoardViews {
  /** 1 while the thread sleeps without a timer and must be woken. */
  asleep: Int32Array
  /** Epoch ms; 0 = nothing runs in this slot. */
  deadlines: Float64Array
  fds: Int32Array
  idLengths: Int32Array
  ids: Uint8Array
}

function allocateBoard(concurrency: number): BoardMemory {
  const slots = Math.min(concurrency, MOST_SLOTS) + 1
  return { buffer: new SharedArrayBuffer(8 + slots * (8 + 4 + 4 + ID_BYTES)), slots }
}

export function viewBoard({ buffer, slots }: BoardMemory): BoardViews {
  const fdsAt = 8 + slots * 8
  const lengthsAt = fdsAt + slots * 4
  return {
    asleep: new Int32Array(buffer, 0, 1),
    deadlines: new Float64Array(buffer, 8, slots),
    fds: new Int32Array(buffer, fdsAt, slots),
    idLengths: new Int32Array(buffer, lengthsAt, slots),
    ids: new Uint8Array(buffer, lengthsAt + slots * 4, slots * ID_BYTES),
  }
}

/** The main thread's side. */
export class WatchdogBoard {
  readonly memory: BoardMemory
  private readonly views: BoardViews
  private readonly ids: Buffer
  private readonly free: number[] = []

  constructor(concurrency: number) {
    this.memory = allocateBoard(concurrency)
    this.views = viewBoard(this.memory)
    this.ids = Buffer.from(this.memory.buffer, this.views.ids.byteOffset, this.views.ids.byteLength)
    for (let slot = this.memory.slots - 1; slot > 0; slot--) this.free.push(slot)
    this.views.fds.fill(NO_FD)
  }

  /** The slot, to be given back with `clear`; undefined when all are taken. */
  post(entry: { id: string; deadlineMs: number; fd: number }): number | undefined {
    const slot = this.free.pop()
    if (slot !== undefined) this.fill(slot, entry)
    return slot
  }

  /** The platform's own deadline: for loading the code, and for being gone after a reset. */
  postPlatform(entry: { id: string; deadlineMs: number; fd: number }): void {
    this.fill(0, entry)
  }

  clear(slot: number): void {
    this.views.fds[slot] = NO_FD
    this.views.deadlines[slot] = 0
    if (slot !== 0) this.free.push(slot)
  }

  /** The connection is gone, and the number of its descriptor free for whatever the process opens next. */
  forgetFd(slot: number): void {
    this.views.fds[slot] = NO_FD
  }

  private fill(slot: number, entry: { id: string; deadlineMs: number; fd: number }): void {
    this.views.idLengths[slot] = this.ids.write(entry.id, slot * ID_BYTES, ID_BYTES, 'latin1')
    this.views.fds[slot] = entry.fd
    this.views.deadlines[slot] = entry.deadlineMs
    if (Atomics.exchange(this.views.asleep, 0, 0) === 1) Atomics.notify(this.views.asleep, 0)
  }
}
