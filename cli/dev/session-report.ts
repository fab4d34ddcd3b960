/** One line per event of a dev session. */
import type { Paint } from '../output/color.ts'
import { describeRollout } from '../rollout/wait-for-rollout.ts'
import type { SessionReport } from './dev-session.ts'
import { describeLoadFailure } from './load-failure.ts'

/** `write` gets whole lines. */
export function createSessionReport(write: (text: string) => void, paint: Paint): SessionReport {
  const good = (text: string) => write(`${paint('green', '✓')} ${text}\n`)
  const bad = (text: string) => write(`${paint('red', '✗')} ${text}\n`)
  return {
    mistake: bad,
    repaired: () => good('manifests are right again'),
    removed: (name) => good(`${name} deleted`),
    refused: (name, message) => bad(`${name} refused: ${message}`),
    rollout(name, end, { tookMs, pathOf }) {
      if (end.kind === 'failed' && end.reason === 'CodeLoadFailed') {
        const rest = end.serving === undefined ? '' : ` — revision ${end.serving} goes on`
        return bad(`${name}  ${describeLoadFailure(end.message, pathOf)}${rest}`)
      }
      if (end.kind !== 'ready') return bad(describeRollout(name, end, tookMs))
      const after = `after ${Math.round(tookMs)} ms`
      good(end.revision === undefined ? `${name} ready ${after}` : `${name}  revision ${end.revision} serving ${after}`)
    },
    problem: bad,
  }
}
