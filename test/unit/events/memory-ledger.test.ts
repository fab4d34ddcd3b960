import { describe, expect, it } from '@jest/globals'
import { MAX_RESULT_BYTES, type InvocationState } from '../../../events/invocation-ledger.ts'
import { MemoryLedger } from '../../../events/memory-ledger.ts'

const state = (id: string, bytes?: number): InvocationState => ({
  ...{ id, functionKey: 'default/f', status: 'succeeded', acceptedAtMs: 0, attempts: 1 },
  ...(bytes !== undefined && {
    result: { status: 200, contentType: 'text/plain', body: Buffer.alloc(bytes), truncated: false },
  }),
})

describe('the ledger in memory', () => {
  it('knows the newest of what it was told', async () => {
    const ledger = new MemoryLedger({ entries: 2 })
    await ledger.put(state('a'))
    await ledger.put(state('b'))
    await ledger.put({ ...state('a'), attempts: 2 })
    await ledger.put(state('c'))
    expect(await ledger.get('b')).toBeUndefined()
    expect(await ledger.get('a')).toMatchObject({ attempts: 2 })
    expect(await ledger.get('c')).toBeDefined()
  })

  it('forgets the oldest when results take more than they may', async () => {
    const ledger = new MemoryLedger({ resultBytes: 1_000 })
    await ledger.put(state('a', 600))
    await ledger.put(state('a', 500))
    await ledger.put(state('b', 500))
    expect(await ledger.get('a')).toBeDefined()
    await ledger.put(state('c', 1))
    expect([await ledger.get('a'), (await ledger.get('b'))?.id]).toEqual([undefined, 'b'])
  })

  it('cuts a long result and says so', async () => {
    const ledger = new MemoryLedger()
    await ledger.put(state('a', MAX_RESULT_BYTES + 1))
    const { result } = (await ledger.get('a'))!
    expect([result?.body.length, result?.truncated]).toEqual([MAX_RESULT_BYTES, true])
  })
})
