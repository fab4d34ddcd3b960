/**
 * Which running instance a command speaks to: the one named by --server or DORMOUSE_SERVER, else the one whose state directory is here,
 * else the default port.
 */
import { resolve } from 'node:path'
import { runningOwner } from '../../local/store/owner.ts'

export const DEFAULT_STATE_DIR = '.dormouse'
export const DEFAULT_SERVER = 'http://127.0.0.1:9090'

export interface ServerSearch {
  /** From --server, else DORMOUSE_SERVER. */
  server: string | undefined
  /** From --state-dir. */
  stateDir: string | undefined
  cwd: string
}

/** Base URL of a management listener; nothing is asked of it yet. */
export function findServer({ server, stateDir, cwd }: ServerSearch): string {
  if (server !== undefined && server !== '') return server.replace(/\/+$/, '')
  return runningOwner(resolve(cwd, stateDir ?? DEFAULT_STATE_DIR))?.managementUrl ?? DEFAULT_SERVER
}
