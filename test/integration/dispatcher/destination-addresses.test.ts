/** Where destinations of invocations may be: whoever writes Functions chooses their URLs, and the dispatcher asks them from its own place. */
import { afterEach, expect, test } from '@jest/globals'
import { asyncTopic } from '../../../events/topic-names.ts'
import { DispatcherBed } from '../../builders/dispatcher-bed.ts'
import { eventually } from '../../builders/eventually.ts'

let bed: DispatcherBed
afterEach(() => bed.stop())

test.each(['http://169.254.169.254/latest', 'http://[::1]:1/', 'http://127.0.0.1:1/', 'http://localhost:1/'])(
  '%s, which only this machine and this node should reach, is not asked',
  async (url) => {
    const backoff = { initialMs: 30, factor: 1, maxMs: 30 }
    const async = { maxAttempts: 2, maxAgeMs: 60_000, backoff, onSuccess: { url } }
    bed = await DispatcherBed.start({ fn: { async }, destinationsOnLoopback: false })
    await bed.pod()
    const headers = { 'dormouse-delivery-id': 'i-1' }
    await bed.send({ topic: asyncTopic('default/hello'), value: '{}', headers })
    const found = await eventually('the failure noted', async () => {
      const state = await bed.ledger.get('i-1')
      return state?.destinationFailure === undefined ? undefined : state
    })
    expect([found.status, found.destinationFailure]).toEqual(['succeeded', expect.stringContaining('may not have')])
  },
)
