/** Lines of several pods in the order they were written. Pure. */

/** One line of a pod's log, as the kubelet stores it. */
export interface StampedLine {
  pod: string
  /** Nanoseconds since the epoch, as text of equal length: compares as the time does. */
  at: string
  text: string
}

const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ?/

/** `line`: `<RFC 3339 time> <text>`, as the log API writes it with `timestamps=true`. Undefined for a line without a time. */
export function parseStampedLine(pod: string, line: string): StampedLine | undefined {
  const [stamp, seconds, fraction = '', zone] = STAMP.exec(line) ?? []
  if (stamp === undefined) return undefined
  const epochSeconds = Date.parse(`${seconds}${zone}`) / 1000
  const at = `${String(epochSeconds).padStart(12, '0')}${fraction.padEnd(9, '0')}`
  return { pod, at, text: line.slice(stamp.length) }
}

/** The newest `tail` of them, oldest first; lines of one pod keep their order. */
export function mergeLines(perPod: readonly (readonly StampedLine[])[], tail: number): StampedLine[] {
  if (tail === 0) return []
  const all = perPod.flat()
  all.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
  return all.slice(-tail)
}
