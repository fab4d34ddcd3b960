import { describe, expect, test } from '@jest/globals'
import { Circuit } from '../../../events/circuit.ts'

describe('the circuit', () => {
  const fail = (circuit: Circuit, count: number, nowMs: number) => {
    let wait: number | undefined
    for (let n = 0; n < count; n++) wait = circuit.record('connect', nowMs)
    return wait
  }

  test('opens when over half of at least 20 attempts cannot reach the function', () => {
    const circuit = new Circuit()
    expect(fail(circuit, 19, 0)).toBeUndefined()
    expect([fail(circuit, 1, 0), circuit.isOpen]).toEqual([1_000, true])
  })

  test('stays closed at half, and for failures of the function’s own code', () => {
    const circuit = new Circuit()
    for (let n = 0; n < 50; n++) {
      circuit.record(undefined, 0)
      circuit.record('connect', 0)
    }
    expect(circuit.isOpen).toBe(false)
    const own = new Circuit()
    for (let n = 0; n < 100; n++) own.record('handled', 0)
    expect(own.isOpen).toBe(false)
  })

  test('forgets what is older than its window', () => {
    const circuit = new Circuit()
    fail(circuit, 19, 0)
    expect([fail(circuit, 1, 11_000), circuit.isOpen]).toEqual([undefined, false])
  })

  test('probes ever more slowly, up to 30 s, and closes with the first success', () => {
    const circuit = new Circuit()
    fail(circuit, 20, 0)
    const waits = Array.from({ length: 7 }, (_, n) => circuit.record('timeout', n * 1_000))
    expect(waits).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
    circuit.record(undefined, 99_000)
    expect(circuit.isOpen).toBe(false)
  })
})
