/**
 * Time and timers as they were before user code came. Libraries that fake time, forgotten in a bundle or there on purpose, replace the globals,
 * what is on them and the exports of node:timers: deadlines and the log go by the real time all the same.
 */
import timers from 'node:timers'

const RealDate = Date
const monotonicNs = process.hrtime.bigint.bind(process.hrtime)

/** Epoch ms. */
export const nowMs = RealDate.now
export const { clearTimeout, setImmediate, setTimeout } = timers

/** Not of `performance`: Node takes a millisecond to load that. */
export function monotonicMs(): number {
  return Number(monotonicNs()) / 1e6
}

export function nowDate(): Date {
  return new RealDate()
}
