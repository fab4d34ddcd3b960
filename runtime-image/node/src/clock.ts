/**
 * Time and timers as they were before user code came. Libraries that fake time, forgotten in a bundle or there on purpose, replace the globals,
 * what is on them and the exports of node:timers: deadlines and the log go by the real time all the same.
 */
import timers from 'node:timers'

const RealDate = Date

/** Epoch ms. */
export const nowMs = RealDate.now
export const monotonicMs = performance.now.bind(performance)
export const { clearTimeout, setImmediate, setTimeout } = timers

export function nowDate(): Date {
  return new RealDate()
}
