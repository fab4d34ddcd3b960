/** What is mended of kafkajs 2.2.4 where a connection is made. That it helps is seen on the real broker (kafka-*.test.ts). */
import { afterEach, describe, expect, jest, test } from '@jest/globals'
import { Socket } from 'node:net'
import { breakConnection, mend } from '../../../../events/kafka/connections.ts'
import type { Connection } from '../../../../events/kafka/wire.ts'

function fakeConnection(isConnected = false) {
  const calls: string[] = []
  const connection = {
    socket: {
      removeAllListeners: (event: string) => void calls.push(`forget ${event}`),
      on: () => undefined,
      destroy: () => void calls.push('destroy'),
    },
    ...{ chunks: [Buffer.from('half')], bytesBuffered: 4, bytesNeeded: 99 },
    requestQueue: {
      ...{ pending: [] as unknown[], throttledUntil: -1, throttleCheckTimeoutId: null, inflight: new Map() },
      ...{ requestTimeoutIntervalId: undefined, isConnected: () => true, destroy: () => undefined },
      checkPendingRequests: () => void calls.push('check'),
      scheduleCheckPendingRequests: () => undefined,
      scheduleRequestTimeoutCheck: () => undefined,
    },
    isConnected: () => isConnected,
    connect: async () => void calls.push('connect'),
    rejectRequests: () => void calls.push('reject'),
    disconnect: async () => void calls.push('disconnect'),
  } as unknown as Connection
  mend(connection)
  return { connection, calls }
}

describe('connections of kafkajs', () => {
  const queues: Connection['requestQueue'][] = []
  afterEach(() => {
    for (const { throttleCheckTimeoutId } of queues.splice(0)) clearTimeout(throttleCheckTimeoutId ?? undefined)
  })

  test('begin without what came of an answer that the last one did not finish', async () => {
    const { connection, calls } = fakeConnection()
    await connection.connect()
    expect(connection).toMatchObject({ chunks: [], bytesBuffered: 0, bytesNeeded: 4 })
    expect(calls).toEqual(['connect'])
  })

  test('keep it while they are connected', async () => {
    const { connection } = fakeConnection(true)
    await connection.connect()
    expect(connection).toMatchObject({ bytesBuffered: 4, bytesNeeded: 99 })
  })

  test('set no timer while nothing is held back, and one while something is', () => {
    const { requestQueue } = fakeConnection().connection
    queues.push(requestQueue)
    requestQueue.scheduleCheckPendingRequests()
    expect(requestQueue.throttleCheckTimeoutId).toBeNull()
    requestQueue.pending.push({})
    requestQueue.scheduleCheckPendingRequests()
    const timer = requestQueue.throttleCheckTimeoutId
    expect(timer).not.toBeNull()
    requestQueue.scheduleCheckPendingRequests()
    expect(requestQueue.throttleCheckTimeoutId).toBe(timer)
  })

  test('go on looking for answers that are overdue while they are being closed, until nobody waits any more', () => {
    jest.useFakeTimers()
    try {
      const { requestQueue } = fakeConnection().connection
      const inflight = requestQueue.inflight as Map<number, unknown>
      const timeoutRequest = jest.fn(() => void inflight.clear())
      inflight.set(1, { sentAt: Date.now(), requestTimeout: 2_500, timeoutRequest })
      requestQueue.isConnected = () => false
      requestQueue.destroy = () => clearInterval(requestQueue.requestTimeoutIntervalId)
      requestQueue.scheduleRequestTimeoutCheck()
      jest.advanceTimersByTime(4_000)
      expect(timeoutRequest).toHaveBeenCalledTimes(1)
      expect(jest.getTimerCount()).toBe(0)
    } finally {
      jest.useRealTimers()
    }
  })

  test('that are broken hear nothing more of their old socket, and wait for no answer', async () => {
    const { connection, calls } = fakeConnection(true)
    await breakConnection(connection)
    expect(calls).toEqual([
      ...['forget data', 'forget end', 'forget timeout', 'forget error'],
      ...['destroy', 'reject', 'disconnect'],
    ])
  })

  test('that are closed again and again leave nothing at a socket that is gone', async () => {
    const socket = new Socket().destroy()
    const { connection } = fakeConnection()
    const disconnect = async () => dead.socket?.unref()
    const dead = { ...connection, socket, disconnect } as unknown as Connection
    mend(dead)
    for (let n = 0; n < 20; n++) await dead.disconnect()
    expect(socket.listenerCount('connect')).toBe(0)
  })
})
