/** Which records a soak's function fails on: the same ones in every process, whoever asks. Pure. */
export type Fate = 'succeeds' | 'fails-once' | 'fails-always'

export interface Fates {
  failOncePercent: number
  failAlwaysPercent: number
}

export function fateOf(name: string, { failOncePercent, failAlwaysPercent }: Fates): Fate {
  const share = hash(name) % 10_000
  if (share < failAlwaysPercent * 100) return 'fails-always'
  return share < (failAlwaysPercent + failOncePercent) * 100 ? 'fails-once' : 'succeeds'
}

/** FNV-1a, its bits mixed: names differ in their last characters. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  return (value ^ (value >>> 13)) >>> 0
}
