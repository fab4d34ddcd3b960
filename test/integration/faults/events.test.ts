/** Faults of the event path that a user meets, on the whole platform in local mode. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import type { DeadLetterInfo } from '../../../api/events-api.ts'
import { eventually } from '../../builders/eventually.ts'
import { functionManifest, startPlatform, type TestPlatform } from '../../builders/local-platform.ts'

jest.setTimeout(120_000)

let platform: TestPlatform
beforeAll(async () => {
  platform = await startPlatform({ poolSize: 2 })
})
afterAll(() => platform.stop())

const RETRY = { maxAttempts: 2, backoff: { initial: '50ms', factor: 1, max: '50ms' } }

function trigger(name: string, spec: Record<string, unknown> = {}, kafka: Record<string, unknown> = {}): object {
  const source = { topics: [name], startFrom: 'earliest', ...kafka }
  const metadata = { name }
  return {
    apiVersion: 'dormouse.dev/v1alpha1',
    kind: 'Trigger',
    metadata,
    spec: { function: name, kafka: source, retry: RETRY, ...spec },
  }
}

interface PublishOptions {
  headers?: Record<string, string>
  query?: string
}

async function publish(
  topic: string,
  body: string | Buffer,
  { headers = {}, query = '' }: PublishOptions = {},
): Promise<void> {
  const answer = await fetch(`${platform.internalUrl}/topics/${topic}${query}`, { method: 'POST', body, headers })
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`)
}

const json = async <T>(path: string): Promise<T> => (await (await fetch(platform.managementUrl + path)).json()) as T
const deadLetters = async (name: string, kind = 'trigger') =>
  (await json<{ items: DeadLetterInfo[] }>(`/api/v1/dlq/${kind}/default/${name}`)).items
interface State {
  done: number
  lag: number
  held: number
  waitingForRetry: number
  holding?: string
  failed: Record<string, number>
}
const isDone = ({ done, lag }: State, count: number) => done === count && lag === 0
const state = (name: string) => json<State>(`/api/v1/triggers/default/${name}/state`)
const logsOf = async (name: string) => (await fetch(`${platform.managementUrl}/api/v1/logs/default/${name}`)).text()
const WITHIN = { withinMs: 20_000, everyMs: 20 }

interface PoisonRow {
  why: string
  body: Buffer
  headers: Record<string, string>
  want: string
}

describe('poison records end in the dead letters with their reason and their bytes; the others pass', () => {
  beforeAll(async () => {
    await platform.apply(
      functionManifest(
        'taker',
        'export const handler = async (event) => console.log("took", JSON.stringify(event).slice(0, 40))',
      ),
      functionManifest('events', 'export const handler = async (event) => console.log("event", event.id)', {
        signature: 'cloudevent',
      }),
      trigger('taker'),
      trigger('events'),
    )
  })

  test.each(
    [
      ['not JSON', Buffer.from('{"half":'), {}, 'decode'],
      ['bytes', Buffer.from([0, 159, 146, 150]), {}, 'decode'],
      ['an unknown encoding', Buffer.from('"x"'), { 'content-encoding': 'snappy-like' }, 'decode'],
      [
        'a CloudEvent without id',
        Buffer.from('1'),
        { 'ce-specversion': '1.0', 'ce-type': 't', 'ce-source': '/s' },
        'decode',
      ],
      [
        'a CloudEvent of another version',
        Buffer.from('1'),
        { 'ce-specversion': '0.3', 'ce-id': '1', 'ce-type': 't', 'ce-source': '/s' },
        'decode',
      ],
      [
        'a structured CloudEvent that is none',
        Buffer.from('[]'),
        { 'content-type': 'application/cloudevents+json' },
        'decode',
      ],
    ].map(([why, body, headers, want]) => ({ why, body, headers, want }) as PoisonRow),
  )('$why', async ({ body, headers, want }) => {
    const before = (await deadLetters('taker')).length
    await publish('taker', body, { headers })
    const letters = await eventually(
      'the dead letter',
      async () => {
        const found = await deadLetters('taker')
        return found.length > before ? found : undefined
      },
      WITHIN,
    )
    const letter = letters.find(
      ({ value }) =>
        value !== null && ('text' in value ? value.text === body.toString() : value.base64 === body.toString('base64')),
    )
    expect(letter).toMatchObject({ class: want, attempts: 1 })
    expect(letter?.message).not.toBe('')
  })

  test('null, 900 KB and good ones are taken', async () => {
    const letters = (await deadLetters('taker')).length
    const { done } = await state('taker')
    await publish('taker', '', { query: '?tombstone=true&key=k' })
    await publish('taker', JSON.stringify({ large: 'x'.repeat(900 * 1024) }))
    await publish('taker', '{"good":1}')
    await eventually('all taken', async () => (await state('taker')).done === done + 3, WITHIN)
    expect((await deadLetters('taker')).length).toBe(letters)
    await eventually('their lines', async () => /took null[^]*took/.test(await logsOf('taker')), WITHIN)
  })

  test('a plain record reaches a cloudevent function as an event', async () => {
    await publish('events', 'plain text', { query: '?key=k' })
    await eventually('the event', async () => (await logsOf('events')).includes('event events-'), WITHIN)
  })
})

test('an error body of 5 MB is cut, the dead letter is small, and the function goes on', async () => {
  const code = `export const handler = async (req, res) => {
    let body = ''
    for await (const chunk of req) body += chunk
    if (body === '"bad"') res.writeHead(500).end('boom '.repeat(1024 * 1024))
    else res.writeHead(200).end()
  }`
  await platform.apply(functionManifest('loud', code, { signature: 'http' }), trigger('loud'))
  await publish('loud', '"bad"')
  await publish('loud', '"good"')
  const [letter] = await eventually(
    'the dead letter',
    async () => {
      const found = await deadLetters('loud')
      return found.length > 0 ? found : undefined
    },
    WITHIN,
  )
  expect(letter).toMatchObject({ class: 'http-5xx', status: 500, attempts: 2 })
  expect(letter!.message.length).toBeLessThanOrEqual(1_024)
  await eventually('the good one, and nothing left', async () => isDone(await state('loud'), 1), WITHIN)
})

test('a function that is missing, then broken, then mended: its records wait, no attempt is spent, none is lost', async () => {
  await platform.apply(trigger('later'))
  for (let n = 0; n < 20; n++) await publish('later', JSON.stringify({ n }))
  await eventually('to be held', async () => (await state('later')).holding?.includes('no function'), WITHIN)
  await platform.apply(functionManifest('later', 'export const handler = async () => {'))
  await eventually('to be held by code that does not load', async () => (await state('later')).held > 1, WITHIN)
  expect(await state('later')).toMatchObject({ done: 0, failed: {}, lag: 20 })
  await platform.apply(
    functionManifest('later', 'export const handler = async (event) => console.log(`n=${event.n};`)'),
  )
  await eventually('all delivered', async () => (await state('later')).done === 20, { ...WITHIN, withinMs: 40_000 })
  await eventually('nothing left', async () => isDone(await state('later'), 20), WITHIN)
  expect(await state('later')).toMatchObject({ failed: {} })
  expect(await deadLetters('later')).toEqual([])
})

test('a function that may have one pod only takes a burst one by one, and no attempt is spent on waiting', async () => {
  const code = 'export const handler = async () => new Promise((resolve) => setTimeout(resolve, 20))'
  await platform.apply(functionManifest('narrow', code, { scaling: { max: 1 } }), trigger('narrow'))
  for (let n = 0; n < 60; n++) await publish('narrow', JSON.stringify({ n }))
  await eventually('all delivered', async () => (await state('narrow')).done === 60, WITHIN)
  expect((await state('narrow')).failed).toEqual({})
})

test('a Trigger deleted and made anew in the middle begins anew; what waited for a retry is in the dead letters', async () => {
  const code =
    'export const handler = async (event) => { if (event.bad) throw new Error("bad"); console.log(`n=${event.n};`) }'
  const slow = { maxAttempts: 3, backoff: { initial: '10m', factor: 1, max: '10m' } }
  await platform.apply(functionManifest('again', code), trigger('again', { retry: slow }))
  await publish('again', '{"bad":true}')
  for (let n = 0; n < 5; n++) await publish('again', JSON.stringify({ n }))
  await eventually('all but one', async () => (await state('again')).done === 5, WITHIN)
  await platform.client.delete({ plural: 'triggers', name: 'again' })
  await platform.apply(trigger('again', { retry: RETRY }))
  const letters = await eventually(
    'two dead letters: one of each Trigger',
    async () => {
      const found = await deadLetters('again').catch(() => [])
      return found.length >= 2 ? found : undefined
    },
    WITHIN,
  )
  expect(letters.map(({ message }) => message)).toEqual(['Error: bad', 'Error: bad'])
  expect(new Set(letters.map(({ deliveryId }) => deliveryId)).size).toBe(2)
  await eventually('all of them again, from the first record', async () => (await state('again')).done === 5, WITHIN)
})

test('ordering changed on a live Trigger: what waits for a retry is still delivered', async () => {
  const code = `let failures = 0
    export const handler = async (event) => { if (event.bad && failures++ < 1) throw new Error("once"); console.log(\`n=\${event.n};\`) }`
  const retry = { maxAttempts: 3, backoff: { initial: '4s', factor: 1, max: '4s' } }
  await platform.apply(functionManifest('order', code), trigger('order', { retry }))
  await publish('order', '{"bad":true,"n":1}', { query: '?key=k' })
  await eventually('the failure', async () => (await state('order')).waitingForRetry === 1, WITHIN)
  await platform.apply(trigger('order', { retry }, { ordering: 'key' }))
  await publish('order', '{"n":2}', { query: '?key=k' })
  await eventually('both', async () => /n=1;/.test(await logsOf('order')) && /n=2;/.test(await logsOf('order')), WITHIN)
  expect(await deadLetters('order')).toEqual([])
})

test('an invocation whose destination is its own function is stopped with a clear error', async () => {
  const code = 'export const handler = async () => 1'
  await platform.apply(functionManifest('loop', code, { async: { onSuccess: { function: 'loop' } } }))
  const headers = { 'dormouse-invocation-type': 'Event' }
  const { invocationId } = (await (await platform.invoke('loop', {}, headers)).json()) as { invocationId: string }
  expect(invocationId).toMatch(/^[0-9a-f-]{36}$/)
  interface AsyncState {
    done: number
    lag: number
  }
  const asyncState = () => json<AsyncState>('/api/v1/functions/default/loop/async/state')
  let before = -1
  await eventually(
    'the loop to end',
    async () => {
      const { done, lag } = await asyncState()
      const isStill = done === before && lag === 0 && done > 1
      before = done
      return isStill
    },
    { withinMs: 20_000, everyMs: 500 },
  )
  expect((await asyncState()).done).toBeLessThanOrEqual(17)
})
