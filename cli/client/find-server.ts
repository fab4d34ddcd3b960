/**
 * Which running instance a command speaks to: the one named by --server or DORMOUSE_SERVER, else the one whose state directory is here,
 * else the default port.
 */
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

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
export async function findServer({ server, stateDir, cwd }: ServerSearch): Promise<string> {
  if (server !== undefined && server !== '') return server.replace(/\/+$/, '')
  return (await ownerUrl(resolve(cwd, stateDir ?? DEFAULT_STATE_DIR))) ?? DEFAULT_SERVER
}

/** What the instance that holds a state directory wrote into it; a process that is gone is no owner. */
async function ownerUrl(stateDir: string): Promise<string | undefined> {
  try {
    const owner: unknown = JSON.parse(await readFile(join(stateDir, 'owner.json'), 'utf8'))
    if (typeof owner !== 'object' || owner === null || !('managementUrl' in owner) || !('pid' in owner))
      return undefined
    const { managementUrl, pid } = owner
    return typeof managementUrl === 'string' && typeof pid === 'number' && isAlive(pid) ? managementUrl : undefined
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
