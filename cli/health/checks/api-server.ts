/** Is the cluster one that Dormouse can run in? Pure. */
import type { Finding } from '../finding.ts'
import { valueOf, type Observation } from '../observation.ts'

/** Pods are resized in place by default since. */
const OLDEST_MINOR = 33
/** Tokens, signatures and deadlines are good for seconds. */
const MOST_SKEW_MS = 5_000

export function checkApiServer({ apiServer }: Observation): Finding[] {
  const seen = valueOf(apiServer)
  if (seen === undefined) return []
  return [...versionFindings(seen.version), ...clockFindings(seen.timeMs - seen.ourTimeMs)]
}

function versionFindings(version: string): Finding[] {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version) ?? []
  if (major === undefined || Number(major) > 1 || Number(minor) >= OLDEST_MINOR) return []
  const problem = `Its version is ${version}, and Dormouse needs 1.${OLDEST_MINOR} or later, which resizes pods in place.`
  return [{ subject: 'API server', problem, remedy: 'Upgrade the cluster.' }]
}

function clockFindings(skewMs: number): Finding[] {
  if (Math.abs(skewMs) <= MOST_SKEW_MS) return []
  const way = skewMs > 0 ? 'ahead of' : 'behind'
  const problem = `Its clock is ${Math.round(Math.abs(skewMs) / 1000)} s ${way} this machine's.`
  const remedy = 'Set both by NTP: what is signed here or there may be taken for expired.'
  return [{ subject: 'clock', problem, remedy }]
}
