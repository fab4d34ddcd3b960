/** What a soak's dispatchers and brokers go through. Each settles when all is sent, with the number of dispatchers that ended. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Death } from './dispatchers.ts'
import type { SoakBed } from './soak.ts'

type Disturbance = (bed: SoakBed) => Promise<number>

/** Two or three dispatchers at any time: every so often one is added, then one is ended. */
export const comingAndGoing =
  (ending: 'graceful' | 'killed', changeEveryMs: number): Disturbance =>
  async ({ fleet, sending }) => {
    let isSending = true
    let endings = 0
    sending.finally(() => (isSending = false)).catch(() => undefined)
    const pause = () => Promise.race([delay(changeEveryMs), sending])
    for (await pause(); isSending; await pause()) {
      fleet.start()
      await pause()
      await (ending === 'graceful' ? fleet.stopOldest() : fleet.killOne())
      endings++
    }
    return endings
  }

const DEATH_WITHIN_MS = 45_000
/** Members that were killed are missed after their session timeout; until then nobody joins. */
const JOINED_WITHIN_MS = 15_000

/** One after the other a dispatcher comes that kills itself at its moment. */
export const dying =
  (deaths: readonly Death[]): Disturbance =>
  async ({ fleet, sending }) => {
    for (const death of deaths) {
      const dying = fleet.startToDie(death, DEATH_WITHIN_MS)
      // It dies when it has to let go of something because another joins.
      if (death.at === 'in-rebalance') {
        await delay(JOINED_WITHIN_MS)
        fleet.start()
      }
      if (!(await dying)) throw new Error(`a dispatcher was to die ${death.at} and did not`)
    }
    await sending
    return deaths.length
  }
