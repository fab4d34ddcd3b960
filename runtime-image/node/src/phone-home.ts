/** Tells the controller that the pod is up. Tries for a minute, then stays quiet: Kubernetes tells the controller too. */
import { request } from 'node:http'

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 2_000
const ATTEMPT_TIMEOUT_MS = 5_000
const GIVE_UP_AFTER_MS = 60_000

export interface PhoneHomeBody {
  namespace: string
  name: string
  uid: string
  address: string
  controlPort: number
  dataPort: number
}

/** `isNeeded` is asked before every attempt: a pod that was found in another way need not call. */
export function phoneHome(home: { url: string; token: string }, body: PhoneHomeBody, isNeeded: () => boolean): void {
  const startedAt = performance.now()
  const text = JSON.stringify(body)
  let pauseMs = FIRST_PAUSE_MS
  const attempt = () => {
    if (!isNeeded()) return
    post(home, text, (ok) => {
      if (ok || performance.now() - startedAt + pauseMs > GIVE_UP_AFTER_MS) return
      setTimeout(attempt, pauseMs).unref()
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
    })
  }
  attempt()
}

/** `done` is called once, with whether the controller said 2xx. */
function post(home: { url: string; token: string }, text: string, done: (ok: boolean) => void): void {
  let isDone = false
  const finish = (ok: boolean) => {
    if (isDone) return
    isDone = true
    done(ok)
  }
  const call = request(home.url, {
    method: 'POST',
    agent: false,
    timeout: ATTEMPT_TIMEOUT_MS,
    headers: {
      authorization: `Bearer ${home.token}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    },
  })
  call.on('response', (response) => {
    response.resume()
    const status = response.statusCode ?? 0
    finish(status >= 200 && status < 300)
  })
  call.on('timeout', () => call.destroy())
  call.on('error', () => finish(false))
  call.on('close', () => finish(false))
  call.end(text)
}
