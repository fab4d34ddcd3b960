/**
 * Descriptors 1 and 2 as loggers use them that pass process.stdout by (pino does): what they write goes its way untouched, and joins the tail
 * of the invocation that is running.
 */
import type * as Fs from 'node:fs'

interface Tail {
  append: (bytes: Uint8Array) => void
}

type Write = (fd: number, data: unknown, ...rest: unknown[]) => unknown

/** `tail`: of the invocation that is running, if it has one. For named imports `syncBuiltinESMExports` must follow. */
export function followStandardWrites(fs: typeof Fs, tail: () => Tail | undefined): void {
  const methods = fs as unknown as Record<string, Write>
  for (const [name, bytesOf] of [
    ['write', bytesOfOne],
    ['writeSync', bytesOfOne],
    ['writev', bytesOfMany],
    ['writevSync', bytesOfMany],
  ] as const) {
    const write = methods[name] as Write
    const followed: Write = (fd, ...args) => {
      if (fd === 1 || fd === 2) append(tail(), () => bytesOf(args))
      return write(fd, ...args)
    }
    // Among them what util.promisify goes by.
    methods[name] = Object.defineProperties(followed, Object.getOwnPropertyDescriptors(write))
  }
}

/** What cannot be read is Node's to refuse. */
function append(tail: Tail | undefined, read: () => Uint8Array): void {
  if (tail === undefined) return
  try {
    tail.append(read())
  } catch {
    return
  }
}

/** `(buffer, offset, length)`, `(buffer, { offset, length })` or `(string, position, encoding)`. */
function bytesOfOne([data, second, third]: unknown[]): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data, typeof third === 'string' ? (third as BufferEncoding) : 'utf8')
  const { buffer, byteOffset, byteLength } = data as NodeJS.ArrayBufferView
  const isRange = typeof second === 'object' && second !== null
  const { offset, length } = (isRange ? second : { offset: second, length: third }) as Record<string, unknown>
  const start = typeof offset === 'number' ? offset : 0
  return new Uint8Array(buffer, byteOffset, byteLength).subarray(
    start,
    typeof length === 'number' ? start + length : undefined,
  )
}

function bytesOfMany([parts]: unknown[]): Uint8Array {
  return Buffer.concat((parts as NodeJS.ArrayBufferView[]).map((part) => bytesOfOne([part])))
}
