/** What every ledger promises, and what those that processes share promise beside it. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import type { InvocationLedger, InvocationState } from '../../../events/invocation-ledger.ts'
import { eventually } from '../../builders/eventually.ts'

export interface LedgerHarness {
  /** The first one; closed after each test. */
  open(): Promise<InvocationLedger>
  close(): Promise<void>
  maxResultBytes: number
  /** As another process, on the same store. */
  openAnother?(): Promise<InvocationLedger>
}

const stateOf = (part: Partial<InvocationState> = {}): InvocationState => ({
  ...{ id: randomUUID(), functionKey: 'default/hello', status: 'queued', acceptedAtMs: 1_000, attempts: 0 },
  ...part,
})

const resultOf = (body: Buffer) => ({ status: 200, contentType: 'text/plain', body, truncated: false })

export function describeLedger(harness: LedgerHarness): void {
  let ledger: InvocationLedger
  beforeEach(async () => {
    ledger = await harness.open()
  })
  afterEach(() => harness.close())

  test('knows nothing of ids that nobody put', async () => {
    await ledger.put(stateOf())
    expect(await ledger.get(randomUUID())).toBeUndefined()
  })

  test('gives what was put, bytes of results among it', async () => {
    const failed = stateOf({
      ...{ status: 'failed', attempts: 3, finishedAtMs: 2_000, destinationFailure: 'nobody there' },
      failure: { class: 'http-5xx', status: 503, message: 'down' },
    })
    const succeeded = stateOf({ status: 'succeeded', attempts: 1, result: resultOf(Buffer.from([0, 255, 10])) })
    await Promise.all([ledger.put(failed), ledger.put(succeeded)])
    expect([await ledger.get(failed.id), await ledger.get(succeeded.id)]).toEqual([failed, succeeded])
  })

  test('gives the newest state of an id', async () => {
    const first = stateOf()
    const steps = [first, { ...first, status: 'running' as const, attempts: 1 }, { ...first, attempts: 0 }]
    for (const step of steps) {
      await ledger.put(step)
      expect(await ledger.get(first.id)).toEqual(step)
    }
  })

  test('cuts long results and says so', async () => {
    const body = Buffer.alloc(harness.maxResultBytes + 1, 'x')
    const state = stateOf({ status: 'succeeded', attempts: 1, result: resultOf(body) })
    await ledger.put(state)
    expect(await ledger.get(state.id)).toMatchObject({
      result: { truncated: true, body: body.subarray(0, harness.maxResultBytes) },
    })
  })

  const { openAnother } = harness
  if (openAnother === undefined) return

  test('tells another process what was put before and after it came, once the put has settled', async () => {
    const [before, after] = [
      stateOf(),
      stateOf({ status: 'succeeded', attempts: 1, result: resultOf(Buffer.from('r')) }),
    ]
    await ledger.put(before)
    const other = await openAnother()
    expect(await other.get(before.id)).toEqual(before)
    await ledger.put(after)
    expect(await other.get(after.id)).toEqual(after)
    await ledger.put({ ...before, status: 'failed', attempts: 1 })
    await eventually('the end', async () => (await other.get(before.id))?.status === 'failed', { withinMs: 20_000 })
  })

  test('tells that an attempt runs, if it does so for a while', async () => {
    const state = stateOf({ status: 'running', attempts: 1 })
    await ledger.put(state)
    const other = await openAnother()
    await eventually('it runs', async () => (await other.get(state.id))?.status === 'running', { withinMs: 20_000 })
  })

  test('is not taken back by who is late to say how it began', async () => {
    const end = stateOf({ status: 'succeeded', attempts: 1 })
    const [other, third] = [await openAnother(), await openAnother()]
    await other.put(end)
    expect(await ledger.get(end.id)).toEqual(end)
    await third.put({ ...end, status: 'queued', attempts: 0 })
    const marker = stateOf()
    await third.put(marker)
    expect(await ledger.get(marker.id)).toEqual(marker)
    expect([await ledger.get(end.id), await other.get(end.id)]).toEqual([end, end])
  })
}
