/**
 * `/dev/stdout` and its like, which loggers are told to write to in containers. To Linux that is opening anew what is behind the descriptor:
 * where it is a socket, as a parent process gives it on a laptop, it cannot be opened. The descriptor is what they mean.
 */
import type * as Fs from 'node:fs'
import { promisify } from 'node:util'

const DESCRIPTORS = new Map(
  ['/dev/stdout', '/dev/stderr'].flatMap((path, index) => [
    [path, index + 1] as const,
    [`/dev/fd/${index + 1}`, index + 1] as const,
    [`/proc/self/fd/${index + 1}`, index + 1] as const,
  ]),
)

type Method = (path: unknown, ...rest: unknown[]) => unknown

/** For named imports `syncBuiltinESMExports` must follow. */
export function openStandardPaths(fs: typeof Fs): void {
  const methods = fs as unknown as Record<string, Method>
  const { open, openSync } = methods as { open: Method; openSync: Method }
  methods['open'] = (path, ...rest) => {
    const fd = descriptorOf(path)
    const done = rest.at(-1)
    if (fd === undefined || typeof done !== 'function') return open(path, ...rest)
    process.nextTick(done, null, fd)
    return undefined
  }
  methods['openSync'] = (path, ...rest) => descriptorOf(path) ?? openSync(path, ...rest)
  // These take descriptors as well as paths.
  for (const name of ['appendFile', 'appendFileSync', 'writeFile', 'writeFileSync']) {
    const write = methods[name] as Method
    methods[name] = (path, ...rest) => write(descriptorOf(path) ?? path, ...rest)
  }
  // Those of `fs/promises` take none.
  const promised = fs.promises as unknown as Record<string, Method>
  for (const [name, write] of Object.entries({
    appendFile: promisify(fs.appendFile),
    writeFile: promisify(fs.writeFile),
  })) {
    const original = promised[name] as Method
    promised[name] = (path, ...rest) => (descriptorOf(path) === undefined ? original : (write as Method))(path, ...rest)
  }
}

function descriptorOf(path: unknown): number | undefined {
  return typeof path === 'string' ? DESCRIPTORS.get(path) : undefined
}
