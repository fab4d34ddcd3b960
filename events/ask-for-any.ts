import type { EventLog } from './event-log.ts'

const ANY_TOPIC = ['dormouse']

/** Asking for any topic is asking whether somebody is there. Throws what the log throws. */
export async function askForAny(log: Pick<EventLog, 'describe'>): Promise<void> {
  await log.describe(ANY_TOPIC)
}
