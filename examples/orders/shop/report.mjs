/** By the clock: what the shop has sold. */
import { openStore, summary } from './store.mjs'

const database = openStore()

export async function handler({ scheduledAt }) {
  const report = summary(database)
  console.log(`report of ${scheduledAt}: ${JSON.stringify(report)}`)
  return report
}
