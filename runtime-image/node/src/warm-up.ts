/**
 * A waiting pod uses its first idle moments to walk, once, the ways its specialize request and first call will take: Node loads
 * and compiles what lies there on first use. Nothing here may fail a pod, and it stops as soon as somebody wants the pod.
 */
import { request } from 'node:http'
import { setImmediate, setTimeout } from './clock.ts'
import type { Watchdog } from './watchdog.ts'

/** Starts Node's ES module loader. */
const EMPTY_MODULE: string = 'data:text/javascript,export const warm = true'

/** A pod that somebody waits for is specialized within this time, even when many boot at once; one in the pool has all the time of the world. */
const DELAY_MS = 500

export interface WarmUpPorts {
  watchdog: Watchdog
  /** What both ports listen on; absent: every address. */
  host: string | undefined
  controlPort: number
  dataPort: number
  isNeeded: () => boolean
}

export async function warmUp(ports: WarmUpPorts): Promise<void> {
  await new Promise<void>((resolve) => setTimeout(resolve, DELAY_MS).unref())
  const steps: (() => Promise<unknown> | void)[] = [
    () => call(ports, ports.controlPort, 'GET'),
    () => call(ports, ports.dataPort, 'POST'),
    () => import(EMPTY_MODULE),
    () => ports.watchdog.prepare(),
  ]
  for (const step of steps) {
    await new Promise((resolve) => setImmediate(resolve))
    if (!ports.isNeeded()) return
    await step()
  }
}

/** To connect to one of them is left to the system, and means loopback on some only. */
const EVERY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::'])

/** To ourselves, over a real connection. Resolves whatever comes of it. */
function call(ports: WarmUpPorts, port: number, method: string): Promise<void> {
  const host = ports.host === undefined || EVERY_ADDRESS.has(ports.host) ? '127.0.0.1' : ports.host
  return new Promise((resolve) => {
    const outgoing = request({ host, port, method, path: '/healthz', agent: false, headers: { 'content-length': 0 } })
    outgoing.on('response', (response) => response.resume())
    outgoing.on('error', () => resolve())
    outgoing.on('close', () => resolve())
    outgoing.end()
  })
}
