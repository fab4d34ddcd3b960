/** `owner.json`: who uses a state directory, for whoever finds it locked or looks for the running instance. Says nothing about whether it still runs. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const ownerSchema = z.object({
  pid: z.int(),
  /** RFC 3339. */
  startedAt: z.string(),
  /** Base URL of the management listener, once it listens. */
  managementUrl: z.string().optional(),
})
export type Owner = z.infer<typeof ownerSchema>

const pathIn = (dir: string): string => join(dir, 'owner.json')

/** Undefined when there is none, or what is there is not one. */
export function readOwner(dir: string): Owner | undefined {
  try {
    return ownerSchema.parse(JSON.parse(readFileSync(pathIn(dir), 'utf8')))
  } catch {
    return undefined
  }
}

/** Readers see the old one or the new one, never half of it. */
export function writeOwner(dir: string, owner: Owner): void {
  const path = pathIn(dir)
  writeFileSync(`${path}.new`, `${JSON.stringify(owner)}\n`, { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

export function removeOwner(dir: string): void {
  rmSync(pathIn(dir), { force: true })
}

/** Undefined when the file is left over from a process that is gone, too. */
export function runningOwner(dir: string): Owner | undefined {
  const owner = readOwner(dir)
  return owner && isRunning(owner.pid) ? owner : undefined
}

/** `process 4711, http://127.0.0.1:9090`; empty when nobody runs on it. */
export function describeOwner(dir: string): string {
  const owner = runningOwner(dir)
  if (owner === undefined) return ''
  return `process ${owner.pid}${owner.managementUrl === undefined ? '' : `, ${owner.managementUrl}`}`
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // EPERM: it runs, but is someone else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
