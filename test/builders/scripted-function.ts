/** One function to which everything happens that metrics can tell: it is called, fails, dies, sleeps, is woken by requests and events, retried, given up. */

/**
 * Does what its event says, asked directly, through an http Trigger or by a record. A death after the answer leaves a pod that gateways still believe in; an
 * answer that is none of API Gateway's is an error of the platform in its place.
 */
export const SCRIPTED = `
export const handler = async (event) => {
  const action = event.action ?? JSON.parse(event.body ?? '{}').action ?? event.data?.action
  if (action === 'fail') throw new RangeError('as asked')
  if (action === 'die') process.exit(3)
  if (action === 'die-later') setTimeout(() => process.exit(3), 1)
  return action === 'confuse' ? { statusCode: 'no number' } : { action }
}`

/** It sleeps between rounds. */
export const SCRIPTED_SPEC = { scaling: { idleAfter: '1s', max: 3 } }

export interface ScriptedSystem {
  publicUrl: string
  internalUrl: string
  /** `namespace/name`. */
  key: string
  /** Of its http Trigger. */
  path: string
  /** Of its kafka Trigger, which has few retries; none: there is no event log. */
  topic?: string
}

/** One round of everything; a few seconds apart its counters move. */
export async function scriptedRound({ publicUrl, internalUrl, key, path, topic }: ScriptedSystem): Promise<void> {
  const call = (action: string, headers?: object) => post(`${internalUrl}/fn/${key}`, { action }, headers)
  await Promise.all([post(`${publicUrl}/nowhere`, {}), post(`${publicUrl}${path}`, { action: 'confuse' })])
  if (topic !== undefined) {
    await post(`${internalUrl}/topics/${topic}`, { action: 'ok' })
    await post(`${internalUrl}/topics/${topic}`, { action: 'fail' })
    await call('ok', { 'dormouse-invocation-type': 'Event' })
  }
  for (const action of ['ok', 'fail', 'die', 'ok', 'die-later', 'ok', 'ok']) await call(action)
}

/** Whatever the answer. */
export async function post(url: string, body: object, headers: object = {}): Promise<void> {
  const json = { 'content-type': 'application/json', ...headers }
  const answer = await fetch(url, { method: 'POST', headers: json, body: JSON.stringify(body) })
  await answer.arrayBuffer()
}
