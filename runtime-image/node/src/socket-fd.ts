/** The number of the descriptor behind a socket, for the watchdog thread, which has no other way to it. */
import type { Socket } from 'node:net'
import { NO_FD } from './watchdog-board.ts'

/** libuv tells it on POSIX systems; where it does not, the watchdog ends the process without an answer. */
export function socketFd(socket: Socket | null): number {
  const fd = (socket as unknown as { _handle?: { fd?: unknown } } | null)?._handle?.fd
  return typeof fd === 'number' && fd > 2 ? fd : NO_FD
}
