/** Whether something listens in a pod that runs an image nobody can ask anything. A connection is made and closed at once. */
import { connect } from 'node:net'
import type { HealthOutcome } from './runtime-client.ts'

/** Who listens where a pod's labels say that this function does has to be it. */
export function probeImage(
  { host, port }: { host: string; port: number },
  labelled: { function: string | undefined; revision: string | undefined },
  timeoutMs: number,
): Promise<HealthOutcome> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const settle = (outcome: HealthOutcome) => {
      socket.destroy()
      resolve(outcome)
    }
    socket.setTimeout(timeoutMs, () => settle({ kind: 'silent' }))
    socket.once('connect', () => settle({ kind: 'answered', health: { state: 'specialized', ...labelled } }))
    socket.once('error', () => settle({ kind: 'unreachable' }))
  })
}
