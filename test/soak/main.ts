/**
 * `npm run soak [-- --minutes 10 --records 100000]`: two soaks on a real Kafka, one with dispatchers that join and leave, one with dispatchers
 * that are killed. Exit 1 when a record is lost, out of order or handled twice more often than may be.
 */
import { parseArgs } from 'node:util'
import { findKafkaIn } from '../../scripts/kafka/find-kafka.ts'
import { openFound, type OpenedKafka } from '../../scripts/kafka/open-found.ts'
import { comingAndGoing } from './disturbances.ts'
import { soak, type SoakResult } from './soak.ts'

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, records: { type: 'string', default: '100000' } },
})
const durationMs = Number(values.minutes) * 60_000
const records = Number(values.records)

/** Of records, when every dispatcher that left could say what it had done. */
const GRACEFUL_DUPLICATES = 0.001

function faultsOf(ending: 'graceful' | 'killed', result: SoakResult): string[] {
  const most = ending === 'graceful' ? records * GRACEFUL_DUPLICATES : result.endings * result.perEnding
  return [
    ...(result.lost.length > 0 ? [`${result.lost.length} lost, such as ${result.lost[0]}`] : []),
    ...(result.unknown.length > 0 ? [`${result.unknown.length} never sent`] : []),
    ...(result.unordered.length > 0 ? [`${result.unordered.length} out of order`] : []),
    ...(result.duplicates > most ? [`${result.duplicates} handled twice, expected at most ${most}`] : []),
    ...result.crashes,
  ]
}

async function openKafka(): Promise<OpenedKafka> {
  const found = await findKafkaIn({ env: process.env })
  if (found.kind === 'missing') throw new Error(found.reason)
  return openFound(found, { heapMb: 512, optimize: true })
}

const kafka = await openKafka()
console.log(`${kafka.name}; ${records} records over ${values.minutes} minutes, twice`)
try {
  for (const ending of ['graceful', 'killed'] as const) {
    const disturb = comingAndGoing(ending, Math.max(3_000, durationMs / 60))
    const name = `soak-${ending}-${Date.now().toString(36)}`
    const result = await soak({ name, brokers: kafka.brokers, records, durationMs, disturb })
    const { sent, handled, deadLettered, duplicates, endings } = result
    const faults = faultsOf(ending, result)
    console.log(
      `${ending}: ${sent} sent, ${handled} handled, ${deadLettered} dead letters, ${endings} dispatchers ended`,
    )
    console.log(`  ${duplicates} handled twice, ${result.lost.length} lost, ${result.unordered.length} out of order`)
    for (const fault of faults) console.log(`  FAULT ${fault}`)
    if (faults.length > 0) process.exitCode = 1
  }
} finally {
  await kafka.stop()
}
