/**
 * The response of an `http` function that the platform answered in the handler's place. User code has it in its hands and goes on: as in plain
 * Node its next `writeHead` would throw, from a timer or a promise where nobody catches it, and end the process with the calls of everybody else.
 */
import type { ServerResponse } from 'node:http'

/** As after an end: nothing is written, whoever waits is called back. An error would reach code that knows only how to end the process. */
function inert<T>(result: (response: ServerResponse) => T): (this: ServerResponse, ...args: unknown[]) => T {
  return function (...args) {
    const done = args.at(-1)
    if (typeof done === 'function') process.nextTick(done)
    return result(this)
  }
}

const itself = inert((response) => response)
const nothing = inert(() => undefined)
/** "Full": a loop that writes while it may must not go round for ever. */
const full = inert(() => false)

export const inertMethods = {
  writeHead: itself,
  writeHeader: itself,
  setHeader: itself,
  setHeaders: itself,
  appendHeader: itself,
  removeHeader: nothing,
  flushHeaders: nothing,
  write: full,
  end: itself,
  addTrailers: nothing,
  writeContinue: nothing,
  writeProcessing: nothing,
  writeEarlyHints: nothing,
  writeInformation: nothing,
}

const REPLACEABLE = [...Object.keys(inertMethods), 'getHeaderNames', 'destroy']
const silenced = new WeakSet<ServerResponse>()

/** Takes away what middleware put in the place of Node's methods: a session's `end` answers only once its store does. */
export function restoreMethods(response: ServerResponse): void {
  for (const name of REPLACEABLE) Reflect.deleteProperty(response, name)
}

export function makeInert(response: ServerResponse): void {
  silenced.add(response)
  Object.assign(response, inertMethods)
}

/** For methods that user code may have kept from before. */
export function isInert(response: ServerResponse): boolean {
  return silenced.has(response)
}
