/** Services of the installation through `kubectl port-forward`, where this machine does not reach their addresses. */
import { once } from 'node:events'
import type { ChildProcess } from 'node:child_process'
import { e2e } from './environment.ts'
import { startKubectl } from './kubectl.ts'

const children = new Set<ChildProcess>()

/** Base URL. One pod of the Service answers all calls; the forward ends with the pod, and with `closeForwards`. */
export async function forwardedUrl(service: string): Promise<string> {
  const child = startKubectl([
    '--namespace',
    e2e().namespace,
    'port-forward',
    `service/${service}`,
    ':80',
    '--address=127.0.0.1',
  ])
  children.add(child)
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const ended = once(child, 'close').then(() => {
    children.delete(child)
    throw new Error(`expected a forward to Service ${service}, kubectl ended: ${said.trim()}`)
  })
  const port = await Promise.race([ended, portOf(child)])
  ended.catch(() => undefined)
  return `http://127.0.0.1:${port}`
}

async function portOf(child: ChildProcess): Promise<string> {
  let text = ''
  for await (const chunk of child.stdout ?? []) {
    text += String(chunk)
    const [, port] = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(text) ?? []
    if (port !== undefined) return port
  }
  return new Promise(() => undefined)
}

export function closeForwards(): void {
  for (const child of children) child.kill()
}
