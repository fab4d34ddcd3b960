/** process.stdout and process.stderr of user code: every write is complete when it returns, and they cannot be closed. */
import { Writable } from 'node:stream'

export class StandardStream extends Writable {
  readonly fd: number
  private readonly writeBytes: (bytes: Uint8Array) => void

  constructor(fd: number, writeBytes: (bytes: Uint8Array) => void) {
    // As neither ever happens, nobody is to wait for them.
    super({ autoDestroy: false, emitClose: false })
    this.fd = fd
    this.writeBytes = writeBytes
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.writeBytes(chunk)
    done()
  }

  /** Writes what it is given and stays open: whatever else runs here still has something to say. Whoever waits (`pipeline`) goes on. */
  override end(...args: unknown[]): this {
    const [chunk] = args
    if (typeof chunk === 'string' || chunk instanceof Uint8Array) this.write(chunk)
    const done = args.find((arg) => typeof arg === 'function') as (() => void) | undefined
    process.nextTick(() => {
      done?.()
      this.emit('finish')
    })
    return this
  }

  override destroy(): this {
    return this
  }
}
